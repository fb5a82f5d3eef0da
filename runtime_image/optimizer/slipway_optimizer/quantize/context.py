"""What a variant is built with, and the one way in which it can be no use to try."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from slipway_optimizer.arrays import Feeds
from slipway_optimizer.data.dataset import Dataset
from slipway_optimizer.spec.quantize import Quantize


class NotApplicableError(Exception):
    """The variant is not built; the sentence says why."""


def _silent(message: str, fraction: float) -> None:
    """Nobody listens."""


@dataclass(frozen=True)
class QuantizeContext:
    """Everything beside the model itself.

    Attributes:
        settings: `spec.optimize.quantize`.
        outputs: the declared outputs, in order.
        threads: CPUs to use.
        scratch: a folder for files that are thrown away afterwards.
        example: a request, for timing, and for errors where there are no rows.
        calibration: rows to find ranges of activations with; never among those that are scored.
        score: the drop of the metric of a model's file against the plain export's; None where nothing can be scored.
        max_drop: the budget that `score` is held against.
        needs_speed: whether a variant that is slower than the plain export is of no use.
        may_be_served: whether a variant can be chosen at all: without data and allowLossy, none is.
        report: called with what is being done and which share of it is done.
    """

    settings: Quantize
    outputs: list[str]
    threads: int
    scratch: Path
    example: Feeds
    calibration: Dataset | None = None
    score: Callable[[Path], float] | None = None
    max_drop: float = 0.0
    needs_speed: bool = True
    may_be_served: bool = True
    report: Callable[[str, float], None] = _silent

    @property
    def searches(self) -> bool:
        """Whether what hurts is looked for, and left in float."""
        return self.settings.mode == "Auto" and self.score is not None
