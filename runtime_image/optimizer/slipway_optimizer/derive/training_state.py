"""How far a training is, as it is kept in a checkpoint between two epochs."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import torch


@dataclass
class TrainingState:
    """After some epochs.

    Attributes:
        losses: of each epoch so far: on the rows that were trained on, and on those held out (None: there are none).
        best: weights after the best epoch, where there are rows to tell.
        best_epoch: the number of this epoch, from 1; 0 where there is none.
        weights: after the last epoch.
        optimizer: its state.
    """

    losses: list[tuple[float, float | None]] = field(default_factory=list)
    best: dict[str, torch.Tensor] | None = None
    best_epoch: int = 0
    weights: dict[str, torch.Tensor] = field(default_factory=dict)
    optimizer: dict[str, Any] = field(default_factory=dict)

    @property
    def epoch(self) -> int:
        """How many epochs are done."""
        return len(self.losses)

    @property
    def best_loss(self) -> float:
        held_out = self.losses[self.best_epoch - 1][1] if self.best_epoch else None
        return float("inf") if held_out is None else held_out

    def add(self, loss: float, held_out: float | None, call: torch.nn.Module, optimizer: torch.optim.Optimizer) -> None:
        """One more epoch."""
        is_best = held_out is not None and held_out < self.best_loss
        self.losses.append((loss, held_out))
        self.weights, self.optimizer = call.state_dict(), optimizer.state_dict()
        if is_best:
            self.best, self.best_epoch = copy.deepcopy(self.weights), self.epoch

    def is_over(self, epochs: int, patience: int) -> bool:
        """Whether all epochs are done, or the last ones brought nothing."""
        return self.epoch >= epochs or (0 < patience <= self.epoch - self.best_epoch and self.best_epoch > 0)

    def as_saved(self) -> dict[str, Any]:
        """Tensors and plain values, which can be read without running code."""
        return {entry.name: getattr(self, entry.name) for entry in fields(self)}

    @classmethod
    def from_saved(cls, saved: Mapping[str, Any]) -> "TrainingState":
        return cls(**{entry.name: saved[entry.name] for entry in fields(cls)})
