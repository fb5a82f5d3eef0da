"""Training after pruning: on labels where the data has them, else on the answers of the original model."""

from typing import Any

import torch
from torch import Tensor

from slipway_contract.manifest import Derivation
from slipway_optimizer import reasons
from slipway_optimizer.data import Dataset
from slipway_optimizer.derive.course import Course
from slipway_optimizer.derive.lesson import Lesson, Targets
from slipway_optimizer.derive.losses import label_error, squared_error
from slipway_optimizer.derive.setting import Setting
from slipway_optimizer.derive.teacher import ask
from slipway_optimizer.derive.training import train
from slipway_optimizer.derive.training_progress import teller
from slipway_optimizer.errors import UserError
from slipway_optimizer.progress import Stage
from slipway_optimizer.spec import FineTune

FIELD = "optimize.prune.fineTune.data"


def fine_tune(setting: Setting, call: torch.nn.Module, wanted: FineTune, derivation: Derivation) -> dict[str, Any]:
    """Train a pruned model in place.

    Args:
        setting: the original and the data.
        call: takes tensors in declared order and returns the declared outputs.
        wanted: how.
        derivation: what the model is.

    Returns:
        How it went.
    """
    stage: Stage = "Prune" if derivation == "Pruned" else "Distill"
    course = Course(wanted.epochs, wanted.batch_size, wanted.learning_rate, wanted.seed)
    tell = teller(setting.shop.progress, stage, "Training the pruned model", wanted.epochs, (0.2, 1.0))
    state = train(call, _lesson(setting, stage), course, setting.checkpoint(f"{derivation}-fine-tune"), tell)
    return {"fineTune": {"epochs": state.epoch, "losses": [round(loss, 6) for loss, _ in state.losses]}}


def _lesson(setting: Setting, stage: Stage) -> Lesson:
    data, output = setting.read(FIELD), setting.trained_output
    if data.truth is not None:
        return Lesson(setting.shop.spec, data, output, None, from_labels)
    name = setting.shop.outputs[output]
    return Lesson(setting.shop.spec, data, output, ask_original(setting, data, name, stage), from_teacher)


def ask_original(setting: Setting, data: Dataset, name: str, stage: Stage) -> Any:
    """The original's answers to every row."""

    def on_rows(done: int) -> None:
        setting.shop.progress.report(stage, f"Asking the original about {data.rows:,} rows", 0.1 * done / data.rows)

    return ask(setting.original.run, data, setting.trained_output, name, on_rows)


def from_labels(output: Tensor, targets: Targets) -> Tensor:
    if targets.labels is None:
        raise UserError(reasons.DATA_INVALID, "The training data has no labels.")
    try:
        return label_error(output, targets.labels)
    except ValueError as error:
        raise UserError(reasons.DATA_INVALID, f"The training data cannot be used: {error}.") from error


def from_teacher(output: Tensor, targets: Targets) -> Tensor:
    if targets.teacher is None:
        raise AssertionError("the original was asked about every row")
    return squared_error(output, targets.teacher)
