"""From values to places on a drawing, and round numbers to write beside its axes.

No I/O.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, log10
from typing import Final

# From here on a linear axis would push most points into a corner.
LOGARITHMIC_FROM: Final = 8.0
TICKS: Final = 5
STEPS: Final = (1.0, 2.0, 5.0, 10.0)


@dataclass(frozen=True)
class Scale:
    """One axis: `low` is drawn at `start`, `high` at `end`."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def place(self, value: float) -> float:
        """Where a value is drawn."""
        low, high, at = (log10(item) if self.logarithmic else item for item in (self.low, self.high, value))
        return round(self.start + (at - low) / (high - low) * (self.end - self.start), 1)

    def ticks(self) -> list[float]:
        """Round numbers between both ends."""
        if self.logarithmic:
            powers = range(floor(log10(self.low)), floor(log10(self.high)) + 1)
            marks = [step * 10.0**power for power in powers for step in STEPS[:3]]
            return [mark for mark in marks if self.low <= mark <= self.high]
        step = _round_step((self.high - self.low) / TICKS)
        first = floor(self.low / step) + 1
        marks = [number * step for number in range(first, first + 2 * TICKS)]
        return [round(mark, 10) for mark in marks if mark <= self.high]


def scale_for(values: Sequence[float], start: float, end: float, *, may_be_logarithmic: bool = False) -> Scale:
    """An axis on which all values have room."""
    low, high = min(values), max(values)
    if may_be_logarithmic and low > 0 and high / low >= LOGARITHMIC_FROM:
        return Scale(low / 1.3, high * 1.3, start, end, logarithmic=True)
    margin = 0.12 * (high - low) or 0.05 * abs(high) or 1.0
    return Scale(low - margin, high + margin, start, end)


def _round_step(step: float) -> float:
    """The next of 1, 2 or 5 times a power of ten."""
    power = 10.0 ** floor(log10(step))
    return next(power * factor for factor in STEPS if power * factor >= step * 0.999)
