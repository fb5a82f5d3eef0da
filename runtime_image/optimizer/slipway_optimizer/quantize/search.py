"""Search: leave as little in float as the budget allows, in the order of harm."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from slipway_optimizer.quantize.scheme import Scheme
from slipway_optimizer.quantize.sensitivity import Layer

# With more than this share of the weights in float, nothing is left to gain.
MOST_WEIGHTS_IN_FLOAT: Final = 0.6
# Of this process's CPUs.
SECONDS: Final = 240.0


# A layer with this share of the weights is worth an attempt of its own to put it in integers again.
HEAVY: Final = 0.02
MOST_HEAVY: Final = 3
# Of the error of the answers, after the layers that are left in float first.
ERROR_TO_LEAVE: Final = 0.5


@dataclass(frozen=True)
class Tried:
    """How many layers were in float, and what the metric lost."""

    layers_in_float: int
    drop: float


@dataclass
class Search:
    """Bisects over the number of layers that stay in float.

    Attributes:
        scheme: how to quantize.
        ranked: layers, the most harmful first.
        score: the drop of the metric of a file.
        max_drop: what it may be.
        scratch: where files are tried.
        tried: every attempt, in order.
    """

    scheme: Scheme
    ranked: Sequence[Layer]
    score: Callable[[Path], float]
    max_drop: float
    scratch: Path
    seconds: float = SECONDS
    tried: list[Tried] = field(default_factory=list)

    def run(self) -> list[Layer] | None:
        """The layers that stay in float for the budget to hold; None where it never does, in the time that there is."""
        end = time.process_time() + self.seconds
        count = self._fewest(end)
        return None if count is None else self._without_heavy(list(self.ranked[:count]), end)

    def write(self, kept: Sequence[Layer], target: Path) -> None:
        """The model with these layers in float."""
        names = {unit.name for layer in kept for unit in layer.units}
        self.scheme.write([unit for unit in self.scheme.units if unit.name not in names], target)

    def _fewest(self, end: float) -> int | None:
        """How many layers, in the order of harm, have to stay in float."""
        most = self._most()
        failing, holding, step = 0, None, self._worst(most)
        while holding is None and failing < most and time.process_time() < end:
            count = min(failing + step, most)
            if self._holds(self.ranked[:count]):
                holding = count
            else:
                failing, step = count, step * 2
        while holding is not None and holding - failing > 1 and time.process_time() < end:
            middle = (failing + holding) // 2
            if self._holds(self.ranked[:middle]):
                holding = middle
            else:
                failing = middle
        return holding

    def _without_heavy(self, kept: list[Layer], end: float) -> list[Layer]:
        """Some that were kept on the way may be heavy and matter little once the others are in float."""
        total = sum(layer.weights for layer in self.ranked) or 1
        heavy = [layer for layer in kept if layer.weights > HEAVY * total]
        for layer in sorted(heavy, key=lambda item: item.weights, reverse=True)[:MOST_HEAVY]:
            fewer = [other for other in kept if other is not layer]
            if fewer and time.process_time() < end and self._holds(fewer):
                kept = fewer
        return kept

    def _holds(self, kept: Sequence[Layer]) -> bool:
        target = self.scratch / "tried" / "model.onnx"
        self.write(kept, target)
        drop = self.score(target)
        self.tried.append(Tried(len(kept), drop))
        return drop <= self.max_drop

    def _worst(self, most: int) -> int:
        """How many layers make up most of the error: a good number to begin with."""
        squares = [layer.error**2 for layer in self.ranked[: most + 1]]
        left, count = sum(squares), 1
        wanted = left * ERROR_TO_LEAVE**2
        while count < most and left - squares[count - 1] > wanted:
            left -= squares[count - 1]
            count += 1
        return count

    def _most(self) -> int:
        """How many layers may stay in float for the rest to be worth it; never all."""
        total = sum(layer.weights for layer in self.ranked) or 1
        in_float, count = 0, 0
        for layer in self.ranked[:-1]:
            in_float += layer.weights
            if in_float > MOST_WEIGHTS_IN_FLOAT * total:
                break
            count += 1
        return count
