"""The optimizer's own view of a ModelDeployment: what to fetch, how to build the model, what is allowed to it."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from slipway_contract.manifest import DType
from slipway_optimizer import reasons
from slipway_optimizer.errors import UserError, first_line

Format = Literal["StateDict", "SafeTensors", "ExportedProgram", "ONNX"]
Mode = Literal["None", "FP16", "DynamicINT8", "Auto"]


class SpecModel(BaseModel):
    """camelCase, frozen, and strict about fields that nobody would read."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, extra="forbid")


def _bare_hex(value: Any) -> Any:
    return value.removeprefix("sha256:").lower() if isinstance(value, str) else value


Sha256 = Annotated[str, BeforeValidator(_bare_hex), StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Axis = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
Size = Annotated[int, Field(gt=0, strict=True)]


class Source(SpecModel):
    uri: str = Field(min_length=1)
    sha256: Sha256 | None = None
    secret_ref: dict[str, Any] | None = None


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


class Quantize(SpecModel):
    mode: Mode = "Auto"


class Evaluate(SpecModel):
    data: Source | None = None
    metric: Literal["Accuracy"] = "Accuracy"
    max_drop: float = Field(default=0.01, ge=0)
    min_speedup: float = Field(default=1.1, gt=0)


class Optimize(SpecModel):
    quantize: Quantize = Quantize()
    evaluate: Evaluate = Evaluate()
    resources: dict[str, Any] | None = None


class Deployment(BaseModel):
    """What the optimizer reads of a ModelDeployment."""

    name: str
    model: ModelSpec
    optimize: Optimize
    raw_spec: dict[str, Any]


class _Metadata(BaseModel):
    name: str


class _Spec(BaseModel):
    model: ModelSpec
    optimize: Optimize = Optimize()


class _Document(BaseModel):
    metadata: _Metadata
    spec: _Spec


def read_deployment(path: Path) -> Deployment:
    """Read a ModelDeployment from YAML; every way in which it can be wrong is one `InvalidSpec` sentence."""
    try:
        raw = yaml.safe_load(path.read_text())
        document = _Document.model_validate(raw)
    except OSError as error:
        raise UserError(reasons.INVALID_SPEC, f"{path} cannot be read: {error.strerror}.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(reasons.INVALID_SPEC, f"{path} is not YAML: {first_line(error)}.") from error
    except ValidationError as error:
        raise UserError(reasons.INVALID_SPEC, _sentence(error)) from error
    spec = document.spec
    return Deployment(name=document.metadata.name, model=spec.model, optimize=spec.optimize, raw_spec=raw["spec"])


def _sentence(error: ValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"]) or "the document"
    more = error.error_count() - 1
    rest = f" ({more} more like this)" if more else ""
    return f"{where}: {first['msg'].removeprefix('Value error, ')}{rest}."
