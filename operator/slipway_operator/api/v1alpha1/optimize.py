"""`spec.optimize`: what the optimization Job may try, and the budget that a variant has to hold."""

from typing import Annotated, Literal

from pydantic import Field

from slipway_operator.api.v1alpha1.base import ApiModel
from slipway_operator.api.v1alpha1.resources import Resources
from slipway_operator.api.v1alpha1.source import Source


class Quantize(ApiModel):
    """Which numeric formats may be served."""

    mode: Annotated[
        Literal["None", "FP16", "DynamicINT8", "Auto"],
        Field(
            description="None: the plain export. FP16, DynamicINT8: try this one and serve it if it holds the budget. "
            "Auto: try all, serve the fastest that holds the budget; without evaluate.data nothing that changes "
            "answers is served."
        ),
    ] = "Auto"


class Evaluate(ApiModel):
    """The budget, and the data that it is measured on."""

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
    ] = 0.01
    min_speedup: Annotated[
        float,
        Field(
            ge=1,
            le=100,
            description="How many times faster than the plain export a variant has to be: 1.1 is 10 % faster. A "
            "variant that is not is not worth its loss.",
        ),
    ] = 1.1


class Optimize(ApiModel):
    """What the optimization Job may do, and the budget."""

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
