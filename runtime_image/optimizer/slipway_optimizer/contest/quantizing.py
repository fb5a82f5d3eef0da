"""What the quantizers of one Job work with: rows to calibrate with, and the metric as a price."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from slipway_optimizer.arrays import Feeds
from slipway_optimizer.contest.entry import PLAIN, Entry
from slipway_optimizer.data import Dataset, read_data
from slipway_optimizer.data.overlap import refuse_overlap
from slipway_optimizer.evaluate import Evaluation, ScoreError, drop
from slipway_optimizer.onnx_session import OnnxSession
from slipway_optimizer.quantize import QuantizeContext, divide
from slipway_optimizer.quantize.profile import profile
from slipway_optimizer.workshop import Workshop

FIELD = "optimize.quantize.calibration.data"


@dataclass(frozen=True)
class Quantizing:
    """Rows for calibration, what the variants are scored on, and a typical request."""

    calibration: Dataset | None
    evaluation: Evaluation | None
    example: Feeds

    def context(self, shop: Workshop, derivation: Entry) -> QuantizeContext:
        """For the variants of one plain export."""
        wanted = shop.deployment.optimize
        return QuantizeContext(
            settings=wanted.quantize,
            outputs=shop.outputs,
            threads=shop.threads,
            scratch=shop.folder / f"quantize-{derivation.folder}",
            example=self.example,
            calibration=self.calibration,
            score=_drop_against_plain(shop, self.evaluation) if self.evaluation else None,
            max_drop=wanted.evaluate.max_drop,
            may_be_served=self.evaluation is not None or wanted.allow_lossy,
            needs_speed=wanted.evaluate.objective != "Size",
            report=lambda message, fraction: shop.progress.report("Quantize", message),
        )


def given_calibration(shop: Workshop, data: Dataset | None) -> Dataset | None:
    """The rows that the user gave for calibration, if any.

    Raises:
        UserError: they are scored, too, or do not fit the model.
    """
    path = shop.inputs.path(FIELD)
    if path is None:
        return None
    rows = read_data(path, shop.spec.inputs, "calibration")
    if data is not None:
        refuse_overlap(data, rows, "calibration")
    return rows


def calibration_rows(
    shop: Workshop, data: Dataset | None, given: Dataset | None
) -> tuple[Dataset | None, Dataset | None]:
    """Rows for calibration, and those of the evaluation data that are scored.

    The evaluation data is divided only where that is of use: none were given, the plain export has convolutions or
    StaticINT8 was asked for, and the metric is none of the user's, which may need every row.
    """
    if given is not None:
        return given, data
    wanted = shop.deployment.optimize
    asked = wanted.quantize.mode == "StaticINT8"
    useful = asked or (wanted.quantize.mode == "Auto" and profile(shop.file(PLAIN)).convolutions > 0)
    if data is None or not useful or wanted.evaluate.metric == "Function":
        return None, data
    return divide(data)


def _drop_against_plain(shop: Workshop, evaluation: Evaluation) -> Callable[[Path], float]:
    """The drop of a file's score against that of the original's plain export; a file without a score lost it all."""
    metric = shop.deployment.optimize.evaluate.metric
    before: list[float] = []

    def score(path: Path) -> float:
        if not before:
            before.append(evaluation.score(shop.open(PLAIN).run))
        try:
            after = evaluation.score(OnnxSession(path, shop.outputs, shop.threads).run)
        except ScoreError:
            return float("inf")
        return drop(metric, before[0], after)

    return score
