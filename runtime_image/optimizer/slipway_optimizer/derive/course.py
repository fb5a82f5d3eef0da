"""How a model is trained: how long, with which optimizer, at which rate, and on which rows."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch

from slipway_optimizer.arrays import Array
from slipway_optimizer.derive.problem import NotDerivableError
from slipway_optimizer.spec import OptimizerName

HELD_OUT_SHARE: Final = 0.1
MOMENTUM: Final = 0.9


@dataclass(frozen=True)
class Course:
    """As in the spec: `patience` 0 holds no rows out."""

    epochs: int
    batch_size: int
    learning_rate: float
    seed: int
    optimizer: OptimizerName = "AdamW"
    patience: int = 0

    def build_optimizer(self, call: torch.nn.Module) -> torch.optim.Optimizer:
        """Over all that asks for gradients.

        Raises:
            NotDerivableError: nothing does.
        """
        parameters = [parameter for parameter in call.parameters() if parameter.requires_grad]
        if not parameters:
            raise NotDerivableError("No parameter of the model asks for gradients, so that none can be trained.")
        if self.optimizer == "SGD":
            return torch.optim.SGD(parameters, lr=self.learning_rate, momentum=MOMENTUM)
        return torch.optim.AdamW(parameters, lr=self.learning_rate)

    def rate(self, progress: float) -> float:
        """The learning rate when `progress` (0 to 1) of the training is done: half a cosine, down to 0."""
        return self.learning_rate * (1 + math.cos(math.pi * progress)) / 2

    def split(self, rows: int) -> tuple[Array, Array]:
        """Numbers of the rows to train on, and of those that are held out."""
        order = np.random.default_rng(self.seed).permutation(rows)
        held_out = max(1, round(rows * HELD_OUT_SHARE)) if self.patience and rows > 1 else 0
        return np.sort(order[held_out:]), np.sort(order[:held_out])

    def order(self, rows: Array, epoch: int) -> Array:
        """The rows in the order of an epoch: by seed and epoch, whatever was drawn before."""
        return np.random.default_rng([self.seed, epoch]).permutation(rows)
