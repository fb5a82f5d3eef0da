"""`spec.optimize`: what the optimization Job may try, and the budget that a variant has to hold."""

from typing import Annotated, Literal

from pydantic import Field

from slipway_operator.api.v1alpha1.base import ApiModel, Rule
from slipway_operator.api.v1alpha1.distill import Distill
from slipway_operator.api.v1alpha1.prune import Prune
from slipway_operator.api.v1alpha1.resources import Resources
from slipway_operator.api.v1alpha1.source import Source

DEFAULT_MAX_DROP = 0.01
DEFAULT_MIN_SPEEDUP = 1.1


def _no_budget(evaluate: str) -> str:
    """What is left out cannot be told from its default: the API server fills it in before it looks at the rules."""
    return f"{evaluate}.maxDrop == {DEFAULT_MAX_DROP} && {evaluate}.minSpeedup == {DEFAULT_MIN_SPEEDUP}"


class Quantize(ApiModel):
    """Which numeric formats may be served."""

    mode: Annotated[
        Literal["None", "FP16", "DynamicINT8", "Auto"],
        Field(
            description="Which numeric formats are tried beside the plain FP32 export. None: none. FP16, DynamicINT8: "
            "this one, served if it holds the budget, or without evaluate.data if it is at most 5 % slower and its "
            "answers stay close. Auto: all, and the fastest that holds the budget is served; without evaluate.data "
            "nothing that changes answers is served."
        ),
    ] = "Auto"


class Evaluate(ApiModel):
    """The budget, and the data that it is measured on."""

    rules = (
        Rule(
            f"has(self.data) || {_no_budget('self')}",
            "maxDrop and minSpeedup are a budget for what is measured on data: set data, or remove them",
            ".data",
        ),
    )
    data: Annotated[
        Source | None,
        Field(
            description="An .npz file with one array for each input, by the input's name and with rows in its first "
            "dimension, and optionally labels (one integer a row). Without labels, agreement with the original model "
            "is measured."
        ),
    ] = None
    metric: Annotated[
        Literal["Accuracy"],
        Field(description="What is measured. Accuracy: share of rows whose top-1 class is right, 0 to 1."),
    ] = "Accuracy"
    max_drop: Annotated[
        float,
        Field(
            ge=0,
            le=1,
            description="How much of the metric a variant may lose against the plain export, absolute: 0.01 allows "
            "0.75 to become 0.74.",
        ),
    ] = DEFAULT_MAX_DROP
    min_speedup: Annotated[
        float,
        Field(
            ge=1,
            le=100,
            description="How many times faster than the plain export a variant has to be: 1.1 is 10 % faster. A "
            "variant that is not is not worth its loss.",
        ),
    ] = DEFAULT_MIN_SPEEDUP


class Optimize(ApiModel):
    """What the optimization Job may do, and the budget."""

    rules = (
        Rule(
            f"self.quantize.mode != 'None' || has(self.prune) || has(self.distill) || {_no_budget('self.evaluate')}",
            "mode None makes no variant that a budget could hold: remove evaluate.maxDrop and evaluate.minSpeedup, or "
            "set another mode",
            ".quantize.mode",
        ),
    )
    prune: Annotated[
        Prune | None,
        Field(
            description="Tries the model with fewer weights or channels, too. The variants of quantize are tried of "
            "each model."
        ),
    ] = None
    distill: Annotated[
        Distill | None,
        Field(
            description="Tries a smaller model, too, that the Job trains on the original's answers. With prune, it is "
            "also tried pruned. What does not hold the budget is not served."
        ),
    ] = None
    quantize: Annotated[Quantize, Field(description="Which numeric formats may be served.")] = Quantize()
    evaluate: Annotated[
        Evaluate,
        Field(
            description="The budget of accuracy and speed. Every variant is measured; where none holds the budget, the "
            "plain export is served."
        ),
    ] = Evaluate()
    resources: Annotated[
        Resources,
        Field(description="CPU and memory of the optimization Job. They are no part of the artifact's recipe."),
    ] = Resources()
