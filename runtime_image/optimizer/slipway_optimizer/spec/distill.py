"""`spec.optimize.distill`: a smaller model that is trained to answer as the original does."""

import re
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from slipway_optimizer.spec.base import SpecModel
from slipway_optimizer.spec.source import Source

Loss = Literal["KLDivergence", "MSE"]
OptimizerName = Literal["AdamW", "SGD"]
DEFAULT_TEMPERATURE = 4.0


class Student(SpecModel):
    """How the student is built; it has the model's inputs and outputs."""

    factory: str
    factory_args: list[Any] | None = None
    factory_kwargs: dict[str, Any] | None = None
    code: Source | None = None
    source: Source | None = None

    @model_validator(mode="after")
    def check_factory(self) -> Self:
        if not re.fullmatch(r"[\w.]+:[\w.]+", self.factory):
            raise ValueError("factory must be MODULE:CALLABLE, as in torchvision.models:resnet18")
        return self


class Distill(SpecModel):
    student: Student
    data: Source
    epochs: int = Field(default=20, ge=1)
    loss: Loss = "KLDivergence"
    temperature: float = Field(default=DEFAULT_TEMPERATURE, gt=0)
    hard_label_weight: float = Field(default=0.0, ge=0, le=1)
    optimizer: OptimizerName = "AdamW"
    learning_rate: float = Field(default=1e-3, gt=0)
    batch_size: int = Field(default=64, ge=1)
    patience: int = Field(default=5, ge=0)
    seed: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def check_temperature(self) -> Self:
        if self.loss == "MSE" and self.temperature != DEFAULT_TEMPERATURE:
            raise ValueError("temperature belongs to loss KLDivergence: remove it")
        return self
