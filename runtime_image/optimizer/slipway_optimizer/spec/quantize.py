"""`spec.optimize.quantize`: which numeric formats may be served."""

from typing import Literal

from slipway_optimizer.spec.base import SpecModel

Mode = Literal["None", "FP16", "DynamicINT8", "Auto"]


class Quantize(SpecModel):
    mode: Mode = "Auto"
