"""`spec.optimize.evaluate`: what is measured, on which data, and how much of it a variant may lose."""

from typing import Annotated, Literal

from pydantic import Field

from slipway_operator.api.v1alpha1.base import ApiModel, Rule
from slipway_operator.api.v1alpha1.model import TensorName
from slipway_operator.api.v1alpha1.source import Source

DEFAULT_MAX_DROP = 0.01
DEFAULT_MIN_SPEEDUP = 1.1


def no_preference(evaluate: str) -> str:
    """What is left out cannot be told from its default: the API server fills it in before it looks at the rules."""
    return f"{evaluate}.minSpeedup == {DEFAULT_MIN_SPEEDUP} && {evaluate}.objective == 'Latency'"


def no_budget(evaluate: str) -> str:
    return f"{evaluate}.maxDrop == {DEFAULT_MAX_DROP} && {no_preference(evaluate)}"


# As CEL calls the field `function`, which is a reserved word there.
_FUNCTION = "self.__function__"


class Evaluate(ApiModel):
    """The budget, and the data that it is measured on."""

    rules = (
        Rule(
            f"has(self.data) || self.maxDrop == {DEFAULT_MAX_DROP}",
            "maxDrop is a budget for what is measured on data: set data, or remove it",
            ".data",
        ),
        Rule(
            f"self.objective != 'Size' || self.minSpeedup == {DEFAULT_MIN_SPEEDUP}",
            "with objective Size nothing has to be faster: remove minSpeedup, or set maxLatency",
            ".minSpeedup",
        ),
        Rule(
            "!has(self.maxLatency) || (self.maxLatency.matches('^[1-9][0-9]{0,6}(us|ms|s)$') ? "
            "duration(self.maxLatency) <= duration('1h') : false)",
            "maxLatency must be a duration of at most 1h, such as 800us or 20ms",
            ".maxLatency",
        ),
        Rule(
            "has(self.data) || self.metric == 'Accuracy' && !has(self.output)",
            "metric and output say what is measured on data: set data, or remove them",
            ".data",
        ),
        Rule(
            "has(self.k) == (self.metric == 'TopK')",
            "metric TopK needs k, and no other metric has it",
            ".k",
        ),
        Rule(
            f"has({_FUNCTION}) == (self.metric == 'Function')",
            "metric Function needs function, and no other metric has it",
            ".function",
        ),
        Rule(
            f"!has({_FUNCTION}) || {_FUNCTION}.matches('^[A-Za-z_][A-Za-z0-9_.]*:[A-Za-z_][A-Za-z0-9_.]*$')",
            "function must be MODULE:CALLABLE, as in my_metrics:similarity",
            ".function",
        ),
        Rule(
            "!has(self.average) || self.metric == 'F1'",
            "average belongs to metric F1: remove it",
            ".average",
        ),
        Rule(
            "!has(self.output) || self.metric != 'Function'",
            "metric Function gets every output: remove output",
            ".output",
        ),
        Rule(
            "self.maxDrop <= 1.0 || self.metric in ['MSE', 'Function']",
            "this metric is never above 1, or below -1, so a maxDrop above 1 would allow anything: lower it",
            ".maxDrop",
        ),
    )
    data: Annotated[
        Source | None,
        Field(
            description="Rows to measure on, none of them used to calibrate or train. An .npz (one array an input, "
            "rows first), Parquet or JSON lines (one column an input, lists for dimensions), each with labels where "
            "there are any; or a folder or zip with a folder of images for each class, for an input with image. "
            "Without labels, agreement with the original model is measured."
        ),
    ] = None
    metric: Annotated[
        Literal["Accuracy", "TopK", "F1", "AUC", "MSE", "Pearson", "Spearman", "Function"],
        Field(
            description="What is measured. Accuracy, TopK: share of rows whose label is the top class, or among the "
            "top k. F1: see average. AUC: under the ROC curve; more than two classes: mean, each against the rest. "
            "MSE: mean squared error, where less is better. Pearson, Spearman: correlation with the labels. Function: "
            "one of yours, where more is better. Labels are class numbers from 0 (-100: not counted), one-hot, or "
            "values of the output's shape."
        ),
    ] = "Accuracy"
    k: Annotated[int | None, Field(ge=1, le=10000, description="How many classes TopK looks at.")] = None
    average: Annotated[
        Literal["Macro", "Binary"] | None,
        Field(description="Of F1. Macro (when absent): the mean over the classes. Binary: that of class 1, of two."),
    ] = None
    function: Annotated[
        str | None,
        Field(
            max_length=253,
            description="MODULE:CALLABLE of metric Function, from model.code or the optimizer image. It is called with "
            "all outputs, {name: array}, rows first and in the order of data, and with the labels, or with the "
            "original's outputs where there are none. It returns one number.",
        ),
    ] = None
    output: Annotated[
        TensorName | None, Field(description="Which of model.outputs is measured. Absent: the first.")
    ] = None
    max_drop: Annotated[
        float,
        Field(
            ge=0,
            description="How much worse than the plain export a variant may be, in the metric's own unit: 0.01 allows "
            "0.75 to become 0.74, or an MSE of 0.20 to become 0.21.",
        ),
    ] = DEFAULT_MAX_DROP
    min_speedup: Annotated[
        float,
        Field(
            ge=1,
            le=100,
            description="How many times faster than the plain export a variant surely has to be (the lower end of the "
            "measured 95 % interval) to be worth its loss: 1.1 is 10 %. Where the plain export breaks maxSizeBytes or "
            "maxLatency, it does not count.",
        ),
    ] = DEFAULT_MIN_SPEEDUP
    max_size_bytes: Annotated[
        int | None,
        Field(
            ge=1,
            description="Most bytes of the served model. A promise: where nothing inside the budget is as small, the "
            "Job fails, and what serves goes on.",
            json_schema_extra={"format": "int64"},
        ),
    ] = None
    max_latency: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=16,
            description="Most time that the median call of the served model may take in the Job (one row, or with "
            "objective Throughput as many as suit it), such as 800us or 20ms. A promise like maxSizeBytes.",
        ),
    ] = None
    objective: Annotated[
        Literal["Latency", "Throughput", "Size"],
        Field(
            description="What is served of all that is inside the budget. Latency: the fastest call of one row. "
            "Throughput: the most rows a second, of calls with as many rows as suit the plain export. Size: the "
            "fewest bytes, whatever the speed."
        ),
    ] = "Latency"
