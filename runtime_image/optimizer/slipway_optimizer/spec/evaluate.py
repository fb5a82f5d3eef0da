"""`spec.optimize.evaluate`: what is measured, on which data, and the budget."""

import re
from typing import Literal, Self

from pydantic import Field, model_validator

from slipway_optimizer.spec.base import SpecModel
from slipway_optimizer.spec.source import Source

MetricName = Literal["Accuracy", "TopK", "F1", "AUC", "MSE", "Pearson", "Spearman", "Function"]
Average = Literal["Macro", "Binary"]


class Evaluate(SpecModel):
    data: Source | None = None
    metric: MetricName = "Accuracy"
    k: int | None = Field(default=None, gt=0)
    average: Average | None = None
    function: str | None = None
    output: str | None = None
    max_drop: float = Field(default=0.01, ge=0)
    min_speedup: float = Field(default=1.1, gt=0)

    @model_validator(mode="after")
    def check_metric(self) -> Self:
        if (self.metric == "TopK") != (self.k is not None):
            raise ValueError("metric TopK needs k, and no other metric has it")
        if (self.metric == "Function") != (self.function is not None):
            raise ValueError("metric Function needs function, and no other metric has it")
        if self.function is not None and not re.fullmatch(r"[\w.]+:[\w.]+", self.function):
            raise ValueError("function must be MODULE:CALLABLE, as in my_metrics:similarity")
        if self.average is not None and self.metric != "F1":
            raise ValueError("average belongs to metric F1: remove it")
        if self.output is not None and self.metric == "Function":
            raise ValueError("metric Function gets every output: remove output")
        return self
