"""Latency: every contestant warm, in one process, in rounds of random order.

A slow moment of the machine hits all alike, and nobody always comes after the one that leaves the caches cold or its
threads spinning. Who is measured well enough, or is hopeless, leaves: the rest get the time.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Final, TypeVar

import numpy as np

from slipway_contract.manifest import Latency
from slipway_optimizer.arrays import Array
from slipway_optimizer.contest.speedup import FEWEST_PAIRS, Speedup, speedup_of

WARM_UP_CALLS: Final = 3
# One call of a model that takes this long has warmed it up.
WARM_UP_SECONDS: Final = 0.3
FIRST_LOOK_ROUNDS: Final = 10
MOST_ROUNDS: Final = 2000
# Between two looks at the intervals, the number of rounds grows by half.
GROWTH: Final = 1.5
# An interval this narrow, as a share of the speed-up, is good enough.
NARROW: Final = 0.03

Name = TypeVar("Name", bound=str)


@dataclass(frozen=True)
class Pace:
    """How long to measure.

    Attributes:
        seconds: for all contestants together, warm-up not counted.
        patience: how long slow models may take until there are pairs enough for an interval.
        hopeless_below: who is surely slower than this speed-up is not measured any further.
    """

    seconds: float = 5.0
    patience: float = 30.0
    hopeless_below: float = 0.9


@dataclass(frozen=True)
class Rounds:
    """The time of each call in nanoseconds, by contestant; call n of each is of round n. The first is the baseline."""

    taken: Mapping[str, list[int]] = field(default_factory=dict)

    @property
    def baseline(self) -> str:
        return next(iter(self.taken))

    def speedup(self, name: str, over: str | None = None) -> Speedup:
        """Over another or else the baseline, from the rounds in which both were called."""
        before, after = self._times(over or self.baseline), self._times(name)
        both = min(len(before), len(after))
        return speedup_of(before[:both], after[:both])

    def latency(self, name: str, batch_size: int) -> Latency:
        """Median and 90th percentile of all calls."""
        p50, p90 = np.percentile(self._times(name), [50, 90]) / 1000
        runs = len(self.taken[name])
        return Latency(batch_size=batch_size, p50_us=round(float(p50), 1), p90_us=round(float(p90), 1), runs=runs)

    def _times(self, name: str) -> Array:
        return np.asarray(self.taken[name], dtype=np.float64)


def measure(contestants: Mapping[str, Callable[[], object]], pace: Pace) -> Rounds:
    """Time calls in rounds: one call of the baseline and of each contestant that has not left, in random order.

    Args:
        contestants: what to call, by name; the first is the baseline, and stays to the end.
        pace: when to end, at the latest.
    """
    for call in contestants.values():
        warm_up(call)
    rounds = Rounds({name: [] for name in contestants})
    running, baseline = list(contestants), rounds.baseline
    shuffle = Random(0).shuffle  # noqa: S311  an order, no secret
    start = time.perf_counter()
    look = FIRST_LOOK_ROUNDS
    while _goes_on(len(rounds.taken[baseline]), time.perf_counter() - start, pace):
        shuffle(running)
        for name in running:
            rounds.taken[name].append(_time_of(contestants[name]))
        if len(rounds.taken[baseline]) >= look:
            look = int(look * GROWTH)
            running = [name for name in running if name == baseline or not is_settled(rounds.speedup(name), pace)]
            if running == [baseline]:
                break
    return rounds


def warm_up(call: Callable[[], object]) -> None:
    """A few calls, or one of a slow model."""
    end = time.perf_counter() + WARM_UP_SECONDS
    for _ in range(WARM_UP_CALLS):
        call()
        if time.perf_counter() > end:
            return


def is_settled(speedup: Speedup, pace: Pace) -> bool:
    """More calls would not change what is said of it."""
    return speedup.width <= NARROW or (speedup.high is not None and speedup.high < pace.hopeless_below)


def _goes_on(rounds: int, seconds: float, pace: Pace) -> bool:
    if rounds == 0:
        return True
    if rounds < FEWEST_PAIRS:
        return seconds < pace.patience
    return rounds < MOST_ROUNDS and seconds < pace.seconds


def _time_of(call: Callable[[], object]) -> int:
    start = time.perf_counter_ns()
    call()
    return time.perf_counter_ns() - start
