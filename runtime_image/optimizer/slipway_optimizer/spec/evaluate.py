"""`spec.optimize.evaluate`: what is measured, on which data, and the budget."""

import re
from typing import Annotated, Final, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from slipway_contract.manifest import Objective
from slipway_optimizer.spec.base import SpecModel
from slipway_optimizer.spec.source import Source

MetricName = Literal["Accuracy", "TopK", "F1", "AUC", "MSE", "Pearson", "Spearman", "Function"]
Average = Literal["Macro", "Binary"]
Duration = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,6}(us|ms|s)$")]
UNBOUNDED: Final = frozenset({"MSE", "Function"})
DEFAULT_MAX_DROP: Final = 0.01
DEFAULT_MIN_SPEEDUP: Final = 1.1
LONGEST_US: Final = 3_600_000_000
MICROSECONDS: Final = {"us": 1, "ms": 1_000, "s": 1_000_000}


class Evaluate(SpecModel):
    data: Source | None = None
    metric: MetricName = "Accuracy"
    k: int | None = Field(default=None, gt=0)
    average: Average | None = None
    function: str | None = None
    output: str | None = None
    max_drop: float = Field(default=DEFAULT_MAX_DROP, ge=0)
    min_speedup: float = Field(default=DEFAULT_MIN_SPEEDUP, gt=0)
    max_size_bytes: int | None = Field(default=None, gt=0, strict=True)
    max_latency: Duration | None = None
    objective: Objective = "Latency"

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
        if self.data is None and (self.metric != "Accuracy" or self.output is not None):
            raise ValueError("metric and output say what is measured on data: set data, or remove them")
        if self.data is None and self.max_drop != DEFAULT_MAX_DROP:
            raise ValueError("maxDrop is a budget for what is measured on data: set data, or remove it")
        if self.max_drop > 1 and self.metric not in UNBOUNDED:
            raise ValueError("this metric is never above 1, or below -1, so a maxDrop above 1 would allow anything")
        return self

    @model_validator(mode="after")
    def check_objective(self) -> Self:
        if self.objective == "Size" and self.min_speedup != DEFAULT_MIN_SPEEDUP:
            raise ValueError("with objective Size nothing has to be faster: remove minSpeedup, or set maxLatency")
        if (self.max_latency_us or 0) > LONGEST_US:
            raise ValueError("maxLatency must be a duration of at most 1h, such as 800us or 20ms")
        return self

    @property
    def max_latency_us(self) -> float | None:
        """`maxLatency` in microseconds."""
        if self.max_latency is None:
            return None
        number = self.max_latency.rstrip("mus")
        return float(number) * MICROSECONDS[self.max_latency.removeprefix(number)]
