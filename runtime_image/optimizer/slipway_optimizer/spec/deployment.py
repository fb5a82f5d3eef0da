"""The ModelDeployment as a document: read, and refused in one sentence."""

from pathlib import Path
from typing import Any, Final, Self

from pydantic import BaseModel, ValidationError, model_validator

from slipway_optimizer import reasons
from slipway_optimizer.errors import UserError
from slipway_optimizer.spec.model import ModelSpec
from slipway_optimizer.spec.optimize import Optimize
from slipway_optimizer.spec.yaml_file import read_yaml

SIZE_TYPES: Final = frozenset({"constrained-int", "constrained-str"})
SIZE: Final = "a size is a whole number above 0, or the name of a dimension that varies, as in [batch, 3, 224, 224]"
# By pydantic's name for what is wrong.
SAID: Final = {
    "extra_forbidden": "there is no such field: check the spelling",
    "missing": "this field is required",
    "model_type": "this has to have fields of its own",
}


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

    @model_validator(mode="after")
    def check_output(self) -> Self:
        names = [tensor.name for tensor in self.model.outputs]
        judged = self.optimize.evaluate.output
        if judged is not None and judged not in names:
            raise ValueError(f"evaluate.output is {judged}, and the outputs are {', '.join(names)}: name one of these")
        return self

    @model_validator(mode="after")
    def check_code(self) -> Self:
        imported = self.model.factory or self.model.allow_pickle or self.optimize.evaluate.function
        if self.model.code is not None and not imported:
            raise ValueError("nothing is imported from code: set factory or evaluate.function, or remove code")
        return self


class _Document(BaseModel):
    metadata: _Metadata
    spec: _Spec


def read_deployment(path: Path) -> Deployment:
    """Read a ModelDeployment from YAML; every way in which it can be wrong is one `InvalidSpec` sentence."""
    raw = read_yaml(path)
    try:
        document = _Document.model_validate(raw)
    except ValidationError as error:
        raise UserError(reasons.INVALID_SPEC, _sentence(error)) from error
    spec = document.spec
    return Deployment(name=document.metadata.name, model=spec.model, optimize=spec.optimize, raw_spec=raw["spec"])


def _sentence(error: ValidationError) -> str:
    first, *_ = errors = error.errors()
    where = _field(first["loc"])
    said = SIZE if SIZE_TYPES & set(first["loc"]) else SAID.get(first["type"], first["msg"])
    more = len({_field(item["loc"]) for item in errors}) - 1
    rest = f" ({more} more like this)" if more else ""
    return f"{where}: {said.removeprefix('Value error, ')}{rest}."


def _field(path: tuple[int | str, ...]) -> str:
    """Without the type of a size: it may have two, and pydantic says of each that this one is neither."""
    return ".".join(str(part) for part in path if part not in SIZE_TYPES) or "the document"
