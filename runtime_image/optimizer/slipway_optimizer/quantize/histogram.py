"""A histogram of values whose range nobody knows beforehand, filled in one pass."""

from dataclasses import dataclass, field
from math import frexp
from typing import Final

import numpy as np

from slipway_optimizer.arrays import Array

# Many more than anybody reads, since at worst all values lie in the middle half of them.
FINE_BINS: Final = 1 << 13


@dataclass
class Histogram:
    """Counts between minus and plus a limit, which is a power of two and doubles as larger values come.

    When it doubles, pairs of bins become one. So a loud request after a silent one costs some resolution, where bins of
    the width that suited the silent one would be millions.
    """

    limit: float = 0.0
    counts: Array = field(default_factory=lambda: np.zeros(FINE_BINS, np.int64))

    def add(self, values: Array, largest: float) -> None:
        """Count finite values, none of which is further from zero than `largest`."""
        if self.limit < largest:
            self._widen(largest)
        if self.limit == 0:
            self.counts[FINE_BINS // 2] += values.size
            return
        bins = ((values / self.limit + 1) * (FINE_BINS / 2)).astype(np.int64)
        self.counts += np.bincount(np.clip(bins, 0, FINE_BINS - 1), minlength=FINE_BINS)

    def read(self, largest: float, bins: int) -> tuple[Array, Array]:
        """Counts in so many bins between minus and plus `largest`, and their edges."""
        middles = (np.arange(FINE_BINS) + 0.5) * (2 * self.limit / FINE_BINS) - self.limit
        inside = np.clip(middles, -largest, largest)
        counts, edges = np.histogram(inside, bins, range=(-largest, largest), weights=self.counts)
        return counts.astype(np.int64), edges.astype(np.float32)

    def _widen(self, largest: float) -> None:
        fraction, exponent = frexp(largest)
        wanted = float(2.0 ** (exponent - 1 if fraction == 0.5 else exponent))  # noqa: PLR2004 - a power of two itself
        while 0 < self.limit < wanted:
            quarter = FINE_BINS // 4
            pairs = self.counts.reshape(-1, 2).sum(axis=1)
            self.counts = np.concatenate([np.zeros(quarter, np.int64), pairs, np.zeros(quarter, np.int64)])
            self.limit *= 2
        self.limit = max(self.limit, wanted)
