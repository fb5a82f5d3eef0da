"""`spec.optimize`: what may be done to the model."""

from typing import Any, Self

from pydantic import model_validator

from slipway_optimizer.spec.base import SpecModel
from slipway_optimizer.spec.distill import Distill
from slipway_optimizer.spec.evaluate import DEFAULT_MAX_DROP, DEFAULT_MIN_SPEEDUP, Evaluate
from slipway_optimizer.spec.prune import Prune
from slipway_optimizer.spec.quantize import Calibration, Quantize


class Optimize(SpecModel):
    """`image`, `resources` and `active_deadline_seconds` are about the Job itself, and the operator's business."""

    prune: Prune | None = None
    distill: Distill | None = None
    quantize: Quantize = Quantize()
    evaluate: Evaluate = Evaluate()
    allow_lossy: bool = False
    image: str | None = None
    resources: dict[str, Any] | None = None
    active_deadline_seconds: int | None = None

    @model_validator(mode="after")
    def check_used(self) -> Self:
        wanted = self.evaluate
        if self.allow_lossy and wanted.data is not None:
            raise ValueError("with evaluate.data, maxDrop says what may be lost: remove allowLossy")
        if self.allow_lossy and not self._changes_answers:
            raise ValueError("mode None makes nothing that loses anything: remove allowLossy, or set another mode")
        has_preference = wanted.min_speedup != DEFAULT_MIN_SPEEDUP or wanted.objective != "Latency"
        if (has_preference or wanted.max_drop != DEFAULT_MAX_DROP) and not self._changes_answers:
            raise ValueError(
                "mode None makes no variant to choose: remove evaluate.maxDrop, evaluate.minSpeedup and "
                "evaluate.objective, or set another mode"
            )
        if has_preference and wanted.data is None and not self.allow_lossy:
            raise ValueError(
                "without evaluate.data only the plain export is served, unless allowLossy is set: set one of them, or "
                "remove evaluate.minSpeedup and evaluate.objective"
            )
        return self

    @model_validator(mode="after")
    def check_smaller_models(self) -> Self:
        if (self.prune or self.distill) and self.evaluate.data is None and not self.allow_lossy:
            raise ValueError(
                "without evaluate.data nothing that is pruned or distilled is served, unless allowLossy is set: set "
                "one of them, or remove prune and distill"
            )
        return self

    @model_validator(mode="after")
    def check_calibration(self) -> Self:
        quantize, has_data = self.quantize, self.evaluate.data is not None
        if quantize.mode == "StaticINT8" and not has_data and quantize.calibration.data is None:
            raise ValueError("StaticINT8 needs rows to calibrate with: set quantize.calibration.data or evaluate.data")
        if quantize.calibration != Calibration() and not has_data and not self.allow_lossy:
            raise ValueError(
                "without evaluate.data nothing that is calibrated is served, unless allowLossy is set: set one of "
                "them, or remove quantize.calibration"
            )
        return self

    @property
    def _changes_answers(self) -> bool:
        return self.quantize.mode != "None" or self.prune is not None or self.distill is not None
