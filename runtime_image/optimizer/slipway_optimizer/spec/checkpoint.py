"""The trained model in `spec.model`: the file or folder, what it is, and what else it takes to build the module."""

import re
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from slipway_optimizer.spec.base import SpecModel
from slipway_optimizer.spec.source import Source

Format = Literal["StateDict", "SafeTensors", "TorchScript", "ExportedProgram", "ONNX", "Transformers", "PickledModule"]
WEIGHTS_ONLY: Final = frozenset({"StateDict", "SafeTensors"})
DottedPath = Annotated[str, StringConstraints(pattern=r"^[^.\s]+(\.[^.\s]+)*$")]


class Weights(SpecModel):
    """Where in a checkpoint the module's weights are, and what their names begin with there."""

    key: DottedPath | None = None
    prefix: str | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def check_some(self) -> Self:
        if self.key is None and self.prefix is None:
            raise ValueError("set key or prefix, or remove weights: both are found by themselves where that is clear")
        return self


class Checkpoint(SpecModel):
    source: Source
    format: Format | None = None
    factory: str | None = None
    factory_args: list[Any] | None = None
    factory_kwargs: dict[str, Any] | None = None
    code: Source | None = None
    weights: Weights | None = None
    submodule: DottedPath | None = None
    model_class: str | None = Field(default=None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    allow_pickle: bool | None = None

    @model_validator(mode="after")
    def check_factory(self) -> Self:
        if self.factory is not None and not re.fullmatch(r"[\w.]+:[\w.]+", self.factory):
            raise ValueError("factory must be module:attribute, as in torchvision.models:resnet50")
        if self.factory is None and (self.factory_args or self.factory_kwargs):
            raise ValueError("factoryArgs and factoryKwargs are arguments of factory: set factory, or remove them")
        if self.format in WEIGHTS_ONLY and self.factory is None:
            raise ValueError(f"format {self.format} holds weights only: set factory to module:attribute")
        if self.format not in {*WEIGHTS_ONLY, None} and self.factory is not None:
            raise ValueError(f"format {self.format} holds the whole model: remove factory")
        if self.weights is not None and self.factory is None:
            raise ValueError("weights says where a factory's weights are: set factory, or remove weights")
        return self

    @model_validator(mode="after")
    def check_format(self) -> Self:
        only = {"submodule": ("TorchScript", self.submodule), "modelClass": ("Transformers", self.model_class)}
        for field, (format_name, value) in only.items():
            if value is not None and (self.format not in {format_name, None} or self.factory is not None):
                raise ValueError(f"{field} belongs to format {format_name} without a factory: remove it")
        if self.format == "PickledModule" and not self.allow_pickle:
            raise ValueError("format PickledModule runs the file's own code: set allowPickle to true if you trust it")
        if self.allow_pickle and (self.format not in {"PickledModule", None} or self.factory is not None):
            raise ValueError("allowPickle belongs to format PickledModule without a factory: remove it")
        return self
