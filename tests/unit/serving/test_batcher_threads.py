"""The batcher under any mixture of coroutines, threads, deadlines and cancellations: nothing mixed, lost or doubled."""

import asyncio
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.waiting import eventually, wait_until

from slipway_serving.admission import Admission
from slipway_serving.batcher import Batcher
from slipway_serving.errors import ClientGoneError, DeadlineExceededError, InvalidRequestError, OverloadedError
from slipway_serving.ticket import Ticket
from slipway_serving.waiting import Arrays

REFUSED = -1.0


class Doubling:
    """y = 2x, after `gate` is open; refuses a batch with the value -1. Remembers every value that it computed.

    Only a model that is known to be quick may be run `beside` another run.
    """

    def __init__(self, *, beside: bool = False) -> None:
        self.beside = beside
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()
        self.concurrent = 0
        self.computed: list[float] = []
        self.threads: list[str] = []

    def run(self, inputs: Arrays) -> Arrays:
        self.concurrent += 1
        assert self.beside or self.concurrent == 1
        self.threads.append(threading.current_thread().name)
        self.entered.set()
        assert self.gate.wait(timeout=60)
        self.concurrent -= 1
        if (inputs["x"] == REFUSED).any():
            raise InvalidRequestError("refused")
        self.computed += inputs["x"][:, 0].tolist()
        return {"y": inputs["x"] * 2}


@pytest.fixture
def model() -> Iterator[Doubling]:
    model = Doubling()
    yield model
    model.gate.set()


def rows(value: float, count: int = 1, width: int = 2) -> Arrays:
    return {"x": np.full((count, width), value, dtype=np.float32)}


def ticket(seconds: float | None = None) -> Ticket:
    made = Ticket(Admission(max_waiting=10, max_bytes=10), 0, lambda _: None)
    if seconds is not None:
        made.limit_to(seconds)
    return made


class Ask(threading.Thread):
    """A caller on a thread of its own."""

    def __init__(self, batcher: Batcher, inputs: Arrays, with_ticket: Ticket | None = None) -> None:
        super().__init__(daemon=True)
        self.outcome: Any = None
        self._ask = lambda: batcher.submit_blocking(inputs, with_ticket)
        self.start()

    def run(self) -> None:
        try:
            self.outcome = self._ask()
        except Exception as error:
            self.outcome = error

    def result(self) -> Any:
        self.join(timeout=60)
        return self.outcome


requests = st.lists(
    st.tuples(
        st.sampled_from(["coroutine", "cancelled", "thread", "late", "gone", "bad"]),
        st.integers(1, 3),  # rows
        st.integers(1, 3),  # width: what may not be joined
    ),
    max_size=24,
)


def check(index: int, kind: str, count: int, width: int, outcome: Any, computed: list[float]) -> None:
    errors = {"bad": InvalidRequestError, "late": DeadlineExceededError, "gone": ClientGoneError}
    if kind in ("coroutine", "thread"):
        assert outcome["y"].tolist() == [[index * 2.0] * width] * count
        assert computed.count(float(index)) == count
    elif kind in errors:
        assert isinstance(outcome, errors[kind])
        assert float(index) not in computed
    assert computed.count(float(index)) in (0, count)


@settings(max_examples=60, deadline=None)
@given(requests, st.sampled_from([1, 2, 4, 32]), st.sampled_from([0.0, 1.0]))
def test_each_gets_just_its_own_rows_once(
    asked: list[tuple[str, int, int]], max_size: int, inline_seconds: float
) -> None:
    model = Doubling(beside=inline_seconds > 0)
    batcher = Batcher(model.run, max_size=max_size, inline_seconds=inline_seconds)
    threads: dict[int, Ask] = {}

    async def ask(index: int, kind: str, count: int, width: int) -> Any:
        value = REFUSED if kind == "bad" else float(index)
        inputs = rows(value, count, width)
        if kind == "thread":
            threads[index] = Ask(batcher, inputs)
            return await asyncio.to_thread(threads[index].result)
        pass_with = ticket(0.0 if kind == "late" else None)
        if kind == "gone":
            pass_with.abandon()
        task = asyncio.create_task(batcher.submit(inputs, pass_with))
        if kind == "cancelled":
            await asyncio.sleep(0)
            task.cancel()
        return (await asyncio.gather(task, return_exceptions=True))[0]

    async def ask_all() -> list[Any]:
        return await asyncio.gather(*(ask(index, *request) for index, request in enumerate(asked, start=1)))

    outcomes = asyncio.run(ask_all())
    for index, (request, outcome) in enumerate(zip(asked, outcomes, strict=True), start=1):
        check(index, *request, outcome, model.computed)
    wait_until(lambda: batcher.depth == batcher.running == 0)  # whose caller gave up may still be in a run
    batcher.close()


async def test_a_request_whose_time_is_over_while_it_waits_is_answered_at_once_and_costs_no_run(
    model: Doubling,
) -> None:
    batcher = Batcher(model.run)
    model.gate.clear()
    first = asyncio.create_task(batcher.submit(rows(1)))
    await eventually(model.entered.is_set)
    with pytest.raises(DeadlineExceededError):
        await batcher.submit(rows(2), ticket(0.01))
    assert not first.done()
    model.gate.set()
    await first
    assert model.computed == [1]
    assert batcher.dropped == {"deadline": 1, "client_gone": 0, "shutdown": 0}


async def test_a_client_that_goes_away_takes_its_request_out_of_the_queue(model: Doubling) -> None:
    batcher = Batcher(model.run)
    model.gate.clear()
    first = asyncio.create_task(batcher.submit(rows(1)))
    await eventually(model.entered.is_set)
    leaving = ticket()
    waits = asyncio.create_task(batcher.submit(rows(2), leaving))
    await eventually(lambda: batcher.depth == 1)
    leaving.abandon()
    with pytest.raises(ClientGoneError):
        await waits
    assert batcher.depth == 0
    model.gate.set()
    await first
    assert model.computed == [1]


async def test_a_request_that_is_cancelled_while_it_waits_costs_no_run(model: Doubling) -> None:
    batcher = Batcher(model.run)
    model.gate.clear()
    first = asyncio.create_task(batcher.submit(rows(1)))
    await eventually(model.entered.is_set)
    waits = asyncio.create_task(batcher.submit(rows(2)))
    await eventually(lambda: batcher.depth == 1)
    waits.cancel()
    await asyncio.gather(waits, return_exceptions=True)
    assert batcher.depth == 0
    model.gate.set()
    await first
    assert model.computed == [1]


def test_a_lone_thread_makes_its_run_itself(model: Doubling) -> None:
    batcher = Batcher(model.run)
    assert batcher.submit_blocking(rows(1))["y"][0, 0] == 2
    assert model.threads == [threading.current_thread().name]


def test_threads_that_wait_share_a_run_which_one_of_them_makes(model: Doubling) -> None:
    batcher = Batcher(model.run, max_size=8)
    model.gate.clear()
    first = Ask(batcher, rows(1))
    wait_until(model.entered.is_set)
    others = [Ask(batcher, rows(value)) for value in (2, 3, 4)]
    wait_until(lambda: batcher.depth == 3)
    model.gate.set()
    assert [ask.result()["y"][0, 0] for ask in (first, *others)] == [2, 4, 6, 8]
    assert model.threads[0] == first.name
    assert model.threads[1] in {ask.name for ask in others}
    assert len(model.threads) == 2


def test_a_thread_whose_call_is_cancelled_is_told(model: Doubling) -> None:
    batcher = Batcher(model.run)
    model.gate.clear()
    first = Ask(batcher, rows(1))
    wait_until(model.entered.is_set)
    cancelled = ticket()
    waits = Ask(batcher, rows(2), cancelled)
    wait_until(lambda: batcher.depth == 1)
    cancelled.abandon()
    assert isinstance(waits.result(), ClientGoneError)
    model.gate.set()
    first.result()
    assert model.computed == [1]


def test_a_thread_does_not_wait_beyond_its_deadline(model: Doubling) -> None:
    batcher = Batcher(model.run)
    model.gate.clear()
    first = Ask(batcher, rows(1))
    wait_until(model.entered.is_set)
    assert isinstance(Ask(batcher, rows(2), ticket(0.01)).result(), DeadlineExceededError)
    model.gate.set()
    assert first.result()["y"][0, 0] == 2


async def test_coroutines_and_threads_share_a_run(model: Doubling) -> None:
    batcher = Batcher(model.run, max_size=8)
    model.gate.clear()
    first = asyncio.create_task(batcher.submit(rows(1)))
    await eventually(model.entered.is_set)
    thread = Ask(batcher, rows(2))
    await eventually(lambda: batcher.depth == 1)
    second = asyncio.create_task(batcher.submit(rows(3)))
    await eventually(lambda: batcher.depth == 2)
    model.gate.set()
    assert [(await first)["y"][0, 0], (await second)["y"][0, 0]] == [2, 6]
    assert (await asyncio.to_thread(thread.result))["y"][0, 0] == 4
    assert len(model.threads) == 2


async def test_a_model_known_to_be_quick_is_run_on_the_event_loop(model: Doubling) -> None:
    batcher = Batcher(model.run, inline_seconds=1.0)
    batcher.pace.record(8, 0.0)
    assert (await batcher.submit(rows(1)))["y"][0, 0] == 2
    assert model.threads == [threading.current_thread().name]


async def test_a_model_that_is_not_known_or_slow_is_run_on_the_worker(model: Doubling) -> None:
    batcher = Batcher(model.run, inline_seconds=1.0)
    await batcher.submit(rows(1))
    assert model.threads == ["session"]
    batcher.pace.record(8, 5.0)
    await batcher.submit(rows(1))
    assert model.threads == ["session", "session"]


async def test_what_was_accepted_is_answered_after_close(model: Doubling) -> None:
    batcher = Batcher(model.run)
    model.gate.clear()
    accepted = [asyncio.create_task(batcher.submit(rows(value))) for value in (1, 2)]
    await eventually(model.entered.is_set)
    batcher.close()
    model.gate.set()
    assert [(await task)["y"][0, 0] for task in accepted] == [2, 4]


async def test_how_long_a_run_has_been_going_is_known(model: Doubling) -> None:
    batcher = Batcher(model.run)
    assert batcher.running_since is None
    model.gate.clear()
    before = time.monotonic()
    asked = asyncio.create_task(batcher.submit(rows(1)))
    await eventually(model.entered.is_set)
    assert batcher.running_since is not None
    assert before <= batcher.running_since <= time.monotonic()
    model.gate.set()
    await asked
    assert batcher.running_since is None


async def test_a_deadline_counts_for_who_came_before_the_run_was_handed_to_a_thread(model: Doubling) -> None:
    batcher = Batcher(model.run, inline_seconds=1.0)
    model.gate.clear()
    first = asyncio.create_task(batcher.submit(rows(1)))
    late = asyncio.create_task(batcher.submit(rows(2), ticket(0.01)))
    with pytest.raises(DeadlineExceededError):
        await late
    assert not first.done()
    model.gate.set()
    await first
    assert model.computed == [1]


def test_a_quick_run_on_a_thread_of_its_own_is_seen_like_any_other() -> None:
    model = Doubling(beside=True)
    batcher = Batcher(model.run, inline_seconds=1.0)
    batcher.pace.record(8, 0.0)
    model.gate.clear()
    asks = [Ask(batcher, rows(value)) for value in (1, 2)]
    wait_until(lambda: model.concurrent == 2)
    assert batcher.running == 2
    since = batcher.running_since
    assert since is not None
    assert since <= time.monotonic()
    model.gate.set()
    assert [ask.result()["y"][0, 0] for ask in asks] == [2, 4]
    assert batcher.running == 0
    assert batcher.running_since is None


async def test_without_batching_a_quick_model_is_run_at_once_also_for_many(model: Doubling) -> None:
    batcher = Batcher(model.run, inline_seconds=1.0)
    batcher.pace.record(8, 0.0)
    answers = await asyncio.gather(*(batcher.submit(rows(value)) for value in (1, 2, 3)))
    assert [answer["y"][0, 0] for answer in answers] == [2, 4, 6]
    assert set(model.threads) == {threading.current_thread().name}
    with pytest.raises(DeadlineExceededError):
        await batcher.submit(rows(4), ticket(0.0))
    gone = ticket()
    gone.abandon()
    with pytest.raises(ClientGoneError):
        await batcher.submit(rows(5), gone)
    assert model.computed == [1, 2, 3]
    assert batcher.dropped == {"deadline": 1, "client_gone": 1, "shutdown": 0}


async def test_quick_requests_of_one_turn_of_the_event_loop_share_a_run(model: Doubling) -> None:
    batcher = Batcher(model.run, max_size=8, inline_seconds=1.0)
    batcher.pace.record(8, 0.0)
    await asyncio.gather(*(batcher.submit(rows(value)) for value in (1, 2, 3)))
    assert model.threads == [threading.current_thread().name]


async def test_whoever_still_waits_can_be_sent_away(model: Doubling) -> None:
    batcher = Batcher(model.run)
    model.gate.clear()
    asked = [asyncio.create_task(batcher.submit(rows(1)))]
    await eventually(model.entered.is_set)
    asked.append(asyncio.create_task(batcher.submit(rows(2))))
    thread = Ask(batcher, rows(3))
    await eventually(lambda: batcher.depth == 2)
    batcher.give_up_all(OverloadedError("going away"))
    outcomes = [*await asyncio.gather(*asked, return_exceptions=True), await asyncio.to_thread(thread.result)]
    assert [type(outcome) for outcome in outcomes] == [OverloadedError] * 3
    assert batcher.dropped["shutdown"] == 3
