from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from slipway_serving.deadlines import DeadlineTimer


@dataclass
class Timer:
    delay: float
    call: Callable[[], None]
    is_cancelled: bool = False

    def cancel(self) -> None:
        self.is_cancelled = True


@dataclass
class Loop:
    """An event loop's timers, which go off when the test says so."""

    timers: list[Timer] = field(default_factory=list)

    def call_later(self, delay: float, call: Callable[..., None], *arguments: Any) -> Timer:
        self.timers.append(Timer(delay, lambda: call(*arguments)))
        return self.timers[-1]

    @property
    def pending(self) -> list[Timer]:
        return [timer for timer in self.timers if not timer.is_cancelled]


def timer_of(left: list[float | None]) -> tuple[DeadlineTimer, Any]:
    """A timer whose sweeps leave these deadlines, one after another."""
    return DeadlineTimer(lambda now: left.pop(0)), Loop()


def test_later_deadlines_need_no_timer_of_their_own() -> None:
    timer, loop = timer_of([])
    for deadline in (1e12, 2e12, None, 1e12):
        timer.watch(deadline, loop)
    assert len(loop.timers) == 1


def test_an_earlier_deadline_moves_the_timer_forward() -> None:
    timer, loop = timer_of([])
    timer.watch(2e12, loop)
    timer.watch(1e12, loop)
    (pending,) = loop.pending
    assert pending.delay < 1e12


def test_after_a_sweep_the_earliest_that_is_left_counts() -> None:
    left: list[float | None] = [3e12, None]
    timer, loop = timer_of(left)
    timer.watch(1e12, loop)
    loop.timers[0].call()
    assert len(loop.timers) == 2
    timer.watch(4e12, loop)
    assert len(loop.timers) == 2
    loop.timers[1].call()
    assert left == []
    assert len(loop.timers) == 2
    timer.watch(4e12, loop)
    assert len(loop.timers) == 3


def test_a_loop_that_calls_too_early_is_not_asked_for_less_than_its_clock_can_tell() -> None:
    timer, loop = timer_of([])
    timer.watch(0.0, loop)
    assert loop.timers[0].delay > 0
