"""`spec.model.inputs[].image`: how the pictures of a data set become an input."""

from typing import Annotated, Literal

from pydantic import Field

from slipway_operator.api.v1alpha1.base import ApiModel

PerChannel = Annotated[list[float], Field(min_length=1, max_length=3)]
Deviations = Annotated[list[Annotated[float, Field(gt=0)]], Field(min_length=1, max_length=3)]


class Image(ApiModel):
    """What the optimizer makes of a picture in a folder of images: (pixel * scale - mean) / std."""

    layout: Annotated[
        Literal["NCHW", "NHWC"],
        Field(description="Order of the dimensions in shape; C is 3 for RGB or 1 for gray, H and W are numbers."),
    ] = "NCHW"
    crop: Annotated[
        float,
        Field(
            gt=0,
            le=1,
            description="Share of height and width that is kept, in the middle: 0.875 resizes to 256 and keeps 224.",
        ),
    ] = 1.0
    scale: Annotated[
        float | None,
        Field(
            gt=0,
            description="Factor of the pixels, which are 0 to 255. Absent: 1/255. An integer input gets them as they "
            "are.",
        ),
    ] = None
    mean: Annotated[PerChannel | None, Field(description="Subtracted after scale, one value a channel. Absent: 0.")] = (
        None
    )
    std: Annotated[Deviations | None, Field(description="Divided by after mean, one value a channel. Absent: 1.")] = (
        None
    )
