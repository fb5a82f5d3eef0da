"""`spec.optimize.prune`: which weights or channels are removed, and how the rest is trained again."""

from typing import Literal, Self

from pydantic import Field, model_validator

from slipway_optimizer.spec.base import SpecModel
from slipway_optimizer.spec.source import Source

PruneMethod = Literal["L1Unstructured", "Structured"]
Scope = Literal["Global", "PerLayer"]


class FineTune(SpecModel):
    data: Source
    epochs: int = Field(default=5, ge=1)
    learning_rate: float = Field(default=3e-4, gt=0)
    batch_size: int = Field(default=64, ge=1)
    seed: int = Field(default=0, ge=0)


class Prune(SpecModel):
    method: PruneMethod
    amount: float | None = Field(default=None, gt=0, lt=1)
    threshold: float | None = Field(default=None, gt=0)
    scope: Scope = "Global"
    fine_tune: FineTune | None = None

    @model_validator(mode="after")
    def check_amount(self) -> Self:
        if (self.amount is None) == (self.threshold is None):
            raise ValueError("prune needs either amount or threshold: set one of them")
        if self.threshold is not None and self.method == "Structured":
            raise ValueError("threshold compares single weights, and Structured removes channels: set amount")
        if self.threshold is not None and self.scope == "PerLayer":
            raise ValueError("threshold is the same in every layer: remove scope")
        return self
