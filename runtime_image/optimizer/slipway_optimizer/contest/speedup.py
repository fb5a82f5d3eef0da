"""How many times faster one model is than another, and how sure that is: from calls timed side by side.

No I/O: times in, an interval out.
"""

from dataclasses import dataclass
from math import ceil
from typing import Final

import numpy as np

from slipway_optimizer.arrays import Array

CONFIDENCE_PERCENT: Final = 95
RESAMPLES: Final = 1000
# With fewer pairs, resampling them says nothing about calls that were not made.
FEWEST_PAIRS: Final = 6


@dataclass(frozen=True)
class Speedup:
    """A ratio of medians and its confidence interval; without ends where there were too few calls to tell."""

    value: float
    low: float | None = None
    high: float | None = None

    @property
    def width(self) -> float:
        """Width of the interval as a share of the value; infinite where there is none."""
        return float("inf") if self.low is None or self.high is None else (self.high - self.low) / self.value

    def __str__(self) -> str:
        if self.low is None or self.high is None:
            return f"{self.value:.2f} times the speed of the plain export, from too few calls to be sure"
        return f"{self.value:.2f} times the speed of the plain export ({self.low:.2f} to {self.high:.2f})"


def speedup_of(baseline: Array, other: Array) -> Speedup:
    """Speed-up of `other` over `baseline`.

    Both hold the time of one call a round, and a slow moment of the machine is in both: rounds are resampled as pairs,
    and in blocks, because moments last longer than a round.

    Args:
        baseline: times, at least as many as `other` has.
        other: times of the same rounds, from the first on.
    """
    rounds = len(other)
    paired = baseline[:rounds]
    value = float(np.median(paired) / np.median(other))
    if rounds < FEWEST_PAIRS:
        return Speedup(value)
    picked = _blocks(rounds)
    ratios = np.median(paired[picked], axis=1) / np.median(other[picked], axis=1)
    tail = (100 - CONFIDENCE_PERCENT) / 2
    low, high = np.percentile(ratios, [tail, 100 - tail])
    return Speedup(value, min(float(low), value), max(float(high), value))


def _blocks(rounds: int) -> Array:
    """Resamples of the numbers below `rounds`: (RESAMPLES, rounds), each made of runs of neighbours."""
    length = round(rounds ** (1 / 3))
    starts = np.random.default_rng(0).integers(0, rounds, size=(RESAMPLES, ceil(rounds / length), 1))
    return ((starts + np.arange(length)) % rounds).reshape(RESAMPLES, -1)[:, :rounds]
