"""A clock that only the test moves, in the place of the module `time`."""

from collections.abc import Callable
from types import ModuleType

import pytest


class HandClock:
    """Time passes in what is called, as long as the test says, and nowhere else."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now

    process_time = perf_counter

    def perf_counter_ns(self) -> int:
        return round(self.now * 1e9)

    def passes(self, seconds: float) -> None:
        self.now += seconds

    def call_of(self, seconds: float) -> Callable[[], None]:
        """What takes so long each time."""
        return lambda: self.passes(seconds)


def hand_clock(monkeypatch: pytest.MonkeyPatch, *modules: ModuleType) -> HandClock:
    """Modules that read no other time until the test is over."""
    clock = HandClock()
    for module in modules:
        monkeypatch.setattr(module, "time", clock)
    return clock
