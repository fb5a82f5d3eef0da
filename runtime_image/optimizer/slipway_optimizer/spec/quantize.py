"""`spec.optimize.quantize`: which numeric formats may be served."""

from typing import Literal, Self

from pydantic import Field, model_validator

from slipway_optimizer.spec.base import SpecModel
from slipway_optimizer.spec.source import Source

Mode = Literal["None", "FP16", "DynamicINT8", "StaticINT8", "INT4", "Auto"]
Method = Literal["MinMax", "Entropy", "Percentile"]


class Calibration(SpecModel):
    """Where ranges of activations come from; without `method`, the better one of two is taken."""

    data: Source | None = None
    method: Method | None = None


class Quantize(SpecModel):
    mode: Mode = "Auto"
    calibration: Calibration = Calibration()
    keep_io: bool = Field(default=True, alias="keepIO")

    @model_validator(mode="after")
    def check_used(self) -> Self:
        if self.calibration != Calibration() and self.mode not in {"StaticINT8", "Auto"}:
            raise ValueError("calibration is for StaticINT8: remove it, or set mode StaticINT8 or Auto")
        if not self.keep_io and self.mode not in {"FP16", "Auto"}:
            raise ValueError("keepIO false gives an FP16 model float16 inputs: remove it, or set mode FP16 or Auto")
        return self
