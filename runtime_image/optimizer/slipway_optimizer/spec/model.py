"""`spec.model`: how to build the model, what goes in and what comes out."""

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from slipway_contract.manifest import DType
from slipway_optimizer.spec.base import SpecModel
from slipway_optimizer.spec.checkpoint import Checkpoint
from slipway_optimizer.spec.image import Image

Axis = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
Size = Annotated[int, Field(gt=0, strict=True)]


class Named(SpecModel):
    name: str = Field(min_length=1)


class Input(Named):
    """An input; a string in `shape` is a dynamic axis, and the same name is the same axis everywhere."""

    dtype: DType = "float32"
    shape: list[Size | Axis]
    image: Image | None = None
    pad_value: float | None = None

    @property
    def dynamic_axes(self) -> dict[int, str]:
        return {index: size for index, size in enumerate(self.shape) if isinstance(size, str)}

    @model_validator(mode="after")
    def check_image(self) -> Self:
        if self.image is not None:
            self.image.check_fit(self.dtype, self.shape)
        return self


class Output(Named):
    """An output; its dtype and shape are what the model gives."""


class ModelSpec(Checkpoint):
    inputs: list[Input] = Field(min_length=1)
    outputs: list[Output] = Field(min_length=1)

    @property
    def ends(self) -> list[Named]:
        return [*self.inputs, *self.outputs]

    @model_validator(mode="after")
    def check_names(self) -> Self:
        names = [tensor.name for tensor in self.ends]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"the name {twice[0]} is used twice among inputs and outputs: give each its own")
        return self

    @model_validator(mode="after")
    def check_images(self) -> Self:
        if len(self.inputs) > 1 and any(tensor.image for tensor in self.inputs):
            raise ValueError("a folder of images fills a single input: remove image, the model has several inputs")
        return self

    @model_validator(mode="after")
    def check_padding(self) -> Self:
        rows = {tensor.shape[0] for tensor in self.inputs if tensor.shape}
        for tensor in self.inputs:
            if tensor.pad_value is None:
                continue
            if not set(tensor.dynamic_axes.values()) - rows:
                raise ValueError(f"the rows of {tensor.name} do not vary in size: remove padValue")
            if not tensor.dtype.startswith("float") and not tensor.pad_value.is_integer():
                raise ValueError(f"the input {tensor.name} is {tensor.dtype}: padValue has to be a whole number")
        varying = [tensor.pad_value is None for tensor in self.inputs if set(tensor.dynamic_axes.values()) - rows]
        if len(set(varying)) > 1:
            raise ValueError("set padValue on all inputs with a named dimension after the first, or on none")
        return self
