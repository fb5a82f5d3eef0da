from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from slipway_serving.connections import ConnectionWatch, phase_of


@dataclass(eq=False)
class Transport:
    unsent: int = 0
    closing: bool = False
    aborted: bool = False

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def is_closing(self) -> bool:
        return self.closing or self.aborted

    def abort(self) -> None:
        self.aborted = True


@dataclass(eq=False)
class Connection:
    """As uvicorn's protocol looks; new ones have no cycle."""

    cycle: Any = None
    transport: Transport = field(default_factory=Transport)
    flow: Any = field(default_factory=lambda: SimpleNamespace(read_paused=False))
    timeout_keep_alive_task: Any = None


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def cycle(*, more_body: bool = False, response_complete: bool = False) -> Any:
    return SimpleNamespace(more_body=more_body, response_complete=response_complete)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def watch(clock: Clock) -> ConnectionWatch:
    return ConnectionWatch(receive_timeout=10, send_timeout=20, clock=clock)


@pytest.mark.parametrize(
    ("connection", "phase"),
    [
        (Connection(), "receiving"),
        (Connection(cycle(more_body=True)), "receiving"),
        (Connection(cycle()), None),
        (Connection(cycle(response_complete=True)), "receiving"),
        (Connection(cycle(response_complete=True), timeout_keep_alive_task=object()), None),
        (Connection(cycle(), Transport(unsent=1)), "sending"),
        (Connection(cycle(more_body=True), flow=SimpleNamespace(read_paused=True)), None),
        (Connection(transport=Transport(closing=True)), None),
    ],
)
def test_whose_turn_it_is(connection: Connection, phase: str | None) -> None:
    assert phase_of(connection) == phase


def test_a_request_that_does_not_arrive_is_cut_however_it_trickles(watch: ConnectionWatch, clock: Clock) -> None:
    slow, working = Connection(cycle(more_body=True)), Connection(cycle())
    for clock.now in (0.0, 9.0):
        assert watch.cut_stuck([slow, working]) == {"receiving": 0, "sending": 0}
    clock.now = 10.0
    assert watch.cut_stuck([slow, working]) == {"receiving": 1, "sending": 0}
    assert slow.transport.aborted
    assert not working.transport.aborted


def test_each_request_of_a_connection_has_its_own_time(watch: ConnectionWatch, clock: Clock) -> None:
    connection = Connection(cycle(more_body=True))
    watch.cut_stuck([connection])
    clock.now, connection.cycle = 9.0, cycle(more_body=True)
    watch.cut_stuck([connection])
    clock.now = 18.0
    watch.cut_stuck([connection])
    assert not connection.transport.aborted
    clock.now = 19.0
    watch.cut_stuck([connection])
    assert connection.transport.aborted


def test_an_answer_that_is_read_slowly_may_take_its_time_and_one_that_is_not_is_cut(
    watch: ConnectionWatch, clock: Clock
) -> None:
    connection = Connection(cycle(), Transport(unsent=100))
    for clock.now, connection.transport.unsent in ((0.0, 100), (15.0, 90), (30.0, 80), (49.0, 80)):
        watch.cut_stuck([connection])
    assert not connection.transport.aborted
    clock.now = 50.0
    assert watch.cut_stuck([connection]) == {"receiving": 0, "sending": 1}
    assert connection.transport.aborted
