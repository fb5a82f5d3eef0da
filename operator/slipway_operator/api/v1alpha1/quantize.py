"""`spec.optimize.quantize`: which numeric formats may be served, and how ranges of activations are found."""

from typing import Annotated, Literal

from pydantic import Field

from slipway_operator.api.v1alpha1.base import ApiModel, Rule
from slipway_operator.api.v1alpha1.source import Source


class Calibration(ApiModel):
    """How StaticINT8 finds the range of each activation."""

    data: Annotated[
        Source | None,
        Field(
            description="Rows like those to be served, in the formats of evaluate.data, none of them in it; 64 are "
            "plenty. Without it, up to 64 rows of evaluate.data, a quarter at most, are taken and not scored; none "
            "with metric Function, which may need every row."
        ),
    ] = None
    method: Annotated[
        Literal["MinMax", "Entropy", "Percentile"] | None,
        Field(
            description="MinMax: all values. Percentile: all but 0.001 %. Entropy: the range that changes the "
            "distribution least. Without it, MinMax or Percentile, whichever is less off."
        ),
    ] = None


class Quantize(ApiModel):
    """Which numeric formats may be served."""

    rules = (
        Rule(
            "!has(self.calibration) || self.mode in ['StaticINT8', 'Auto']",
            "calibration is for StaticINT8: remove it, or set mode StaticINT8 or Auto",
            ".calibration",
        ),
        Rule(
            "self.keepIO || self.mode in ['FP16', 'Auto']",
            "keepIO false gives an FP16 model float16 inputs: remove it, or set mode FP16 or Auto",
            ".keepIO",
        ),
    )
    mode: Annotated[
        Literal["None", "FP16", "DynamicINT8", "StaticINT8", "INT4", "Auto"],
        Field(
            description="What is tried beside the plain FP32 export. DynamicINT8: weights in 8 bits, activations by "
            "their range at run time. StaticINT8: both, by calibrated ranges. INT4: weights of matrix products in 4 "
            "bits. Auto: what suits the model; the layers that hurt stay in float until evaluate.maxDrop holds."
        ),
    ] = "Auto"
    calibration: Annotated[
        Calibration | None, Field(description="How StaticINT8 finds the range of each activation.")
    ] = None
    keep_io: Annotated[
        bool,
        Field(
            alias="keepIO",
            description="Whether an FP16 model keeps float32 inputs and outputs; false: clients send float16.",
        ),
    ] = True
