"""`spec.model`: how to build the model, what goes in and what comes out."""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from slipway_contract.manifest import DType
from slipway_optimizer.spec.base import SpecModel
from slipway_optimizer.spec.source import Source

Format = Literal["StateDict", "SafeTensors", "ExportedProgram", "ONNX"]
Axis = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
Size = Annotated[int, Field(gt=0, strict=True)]


class Named(SpecModel):
    name: str = Field(min_length=1)


class Input(Named):
    """An input; a string in `shape` is a dynamic axis, and the same name is the same axis everywhere."""

    dtype: DType = "float32"
    shape: list[Size | Axis]

    @property
    def dynamic_axes(self) -> dict[int, str]:
        return {index: size for index, size in enumerate(self.shape) if isinstance(size, str)}


class Output(Named):
    """An output; its dtype and shape are what the model gives."""


class ModelSpec(SpecModel):
    source: Source
    format: Format
    factory: str | None = None
    factory_args: list[Any] | None = None
    factory_kwargs: dict[str, Any] | None = None
    code: Source | None = None
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
    def check_factory(self) -> Self:
        needs_factory = self.format in {"StateDict", "SafeTensors"}
        if needs_factory and not re.fullmatch(r"[\w.]+:[\w.]+", self.factory or ""):
            raise ValueError(f"format {self.format} holds weights only: set factory to module:attribute")
        if not needs_factory and self.factory:
            raise ValueError(f"format {self.format} holds the whole model: remove factory")
        return self
