"""`spec.optimize.evaluate`: what is measured, on which data, and the budget."""

from typing import Literal

from pydantic import Field

from slipway_optimizer.spec.base import SpecModel
from slipway_optimizer.spec.source import Source


class Evaluate(SpecModel):
    data: Source | None = None
    metric: Literal["Accuracy"] = "Accuracy"
    max_drop: float = Field(default=0.01, ge=0)
    min_speedup: float = Field(default=1.1, gt=0)
