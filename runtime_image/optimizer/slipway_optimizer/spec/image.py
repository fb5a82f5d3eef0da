"""`spec.model.inputs[].image`: how a picture becomes the input of the model."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from slipway_optimizer.spec.base import SpecModel

Deviation = Annotated[float, Field(gt=0)]


class Image(SpecModel):
    """Resized to cover height and width over `crop`, cropped in the middle, then (x * scale - mean) / std.

    Attributes:
        layout: order of the input's dimensions; C is 3 for RGB, 1 for gray.
        crop: which share of the resized picture is kept in each direction.
        scale: of the pixels, which are 0 to 255; None is 1/255. An integer input gets the pixels as they are.
        mean: one value a channel; None is 0.
        std: one value a channel; None is 1.
    """

    layout: Literal["NCHW", "NHWC"] = "NCHW"
    crop: float = Field(default=1.0, gt=0, le=1)
    scale: float | None = Field(default=None, gt=0)
    mean: list[float] | None = None
    std: list[Deviation] | None = None

    def check_fit(self, dtype: str, shape: Sequence[int | str]) -> None:
        """Refuse an input that no picture fits.

        Raises:
            ValueError: with a sentence.
        """
        if len(shape) != len(self.layout):
            raise ValueError(f"image needs an input of {len(self.layout)} dimensions, {self.layout}")
        if any(isinstance(size, str) for size in shape[1:]):
            raise ValueError("image needs numbers for height, width and channels: data has to be resized to something")
        channels = shape[self.layout.index("C")]
        if channels not in {1, 3}:
            raise ValueError(f"image with layout {self.layout} finds {channels} channels in shape: 3 is RGB, 1 is gray")
        for field, values in (("mean", self.mean), ("std", self.std)):
            if values is not None and len(values) != channels:
                raise ValueError(f"image.{field} has {len(values)} values, and the input has {channels} channels")
        if not dtype.startswith("float") and (self.scale, self.mean, self.std) != (None, None, None):
            raise ValueError(
                f"an input of {dtype} gets pixels as they are: remove image.scale, image.mean and image.std"
            )
