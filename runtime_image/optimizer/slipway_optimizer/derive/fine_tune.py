"""Training after pruning: as a student is trained where the spec has one, else on labels or the original's answers."""

from typing import Any

import torch

from slipway_contract.manifest import Derivation
from slipway_optimizer.derive.course import Course
from slipway_optimizer.derive.lesson import Lesson
from slipway_optimizer.derive.objectives import check_classes, distilling, from_labels, from_teacher
from slipway_optimizer.derive.setting import Setting
from slipway_optimizer.derive.training import train
from slipway_optimizer.derive.training_progress import teller
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
    lesson, source = _lesson(setting, stage)
    course = Course(wanted.epochs, wanted.batch_size, wanted.learning_rate, wanted.seed)
    start = 0.2 if derivation == "Pruned" else 0.9
    tell = teller(setting.shop.progress, stage, "Training the pruned model", wanted.epochs, (start, 1.0))
    state = train(call, lesson, course, setting.checkpoint(f"{derivation}-fine-tune"), tell)
    losses = [round(loss, 6) for loss, _ in state.losses]
    return {"fineTune": {"epochs": state.epoch, "learnedFrom": source, "losses": losses}}


def _lesson(setting: Setting, stage: Stage) -> tuple[Lesson, str]:
    """What is learned, and where that comes from."""
    data, spec, output = setting.read(FIELD), setting.shop.spec, setting.trained_output
    distill, has_labels = setting.shop.deployment.optimize.distill, data.truth is not None
    if distill is None and has_labels:
        return Lesson(spec, data, output, None, from_labels), "labels"
    answers = setting.answers(FIELD, data, stage)
    if distill is None:
        return Lesson(spec, data, output, answers, from_teacher), "the original's answers"
    check_classes(setting, distill)
    mixed = has_labels and distill.hard_label_weight > 0
    source = "the original's answers and labels" if mixed else "the original's answers"
    return Lesson(spec, data, output, answers, distilling(distill, labels=has_labels)), source
