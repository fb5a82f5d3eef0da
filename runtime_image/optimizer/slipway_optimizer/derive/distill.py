"""Distillation: a student learns to answer as the original does.

After Hinton, Vinyals and Dean, Distilling the Knowledge in a Neural Network, 2015, https://arxiv.org/abs/1503.02531.
"""

from typing import Any

from slipway_optimizer import reasons
from slipway_optimizer.data import Dataset
from slipway_optimizer.derive.course import Course
from slipway_optimizer.derive.derived import Derived
from slipway_optimizer.derive.lesson import Lesson
from slipway_optimizer.derive.objectives import check_classes, distilling
from slipway_optimizer.derive.problem import NotDerivableError
from slipway_optimizer.derive.setting import Setting
from slipway_optimizer.derive.student import build_student
from slipway_optimizer.derive.training import train
from slipway_optimizer.derive.training_progress import teller
from slipway_optimizer.derive.training_state import TrainingState
from slipway_optimizer.errors import UserError
from slipway_optimizer.formats.torch_module import TorchModel
from slipway_optimizer.spec import Distill

FIELD = "optimize.distill.data"


def distill(setting: Setting, wanted: Distill) -> Derived:
    """Build and train a student. One whose training fails takes no part; the Job goes on.

    Raises:
        UserError: the student cannot be built, or the data is at fault.
    """
    setting.shop.progress.report("Distill", f"Building the student {wanted.student.factory}")
    student = build_student(setting, wanted.student, wanted.seed)
    data = setting.read(FIELD)
    _check(wanted, data)
    check_classes(setting, wanted)
    answers = setting.answers(FIELD, data, "Distill")
    loss = distilling(wanted, labels=data.truth is not None)
    lesson = Lesson(setting.shop.spec, data, setting.trained_output, answers, loss)
    course = Course(
        wanted.epochs, wanted.batch_size, wanted.learning_rate, wanted.seed, wanted.optimizer, wanted.patience
    )
    share = 0.9 if setting.shop.deployment.optimize.prune else 1.0
    tell = teller(setting.shop.progress, "Distill", "Training the student", wanted.epochs, (0.1, share))
    try:
        state = train(student.call, lesson, course, setting.checkpoint("distill"), tell)
    except NotDerivableError as error:
        return Derived("Distilled", None, {"student": wanted.student.factory}, str(error))
    return Derived("Distilled", student, _facts(setting, wanted, student, state))


def _check(wanted: Distill, data: Dataset) -> None:
    if wanted.hard_label_weight and data.truth is None:
        message = "hardLabelWeight needs labels, and spec.optimize.distill.data has none: add a column labels, or "
        raise UserError(reasons.DATA_INVALID, message + "remove hardLabelWeight.")


def _facts(setting: Setting, wanted: Distill, student: TorchModel, state: TrainingState) -> dict[str, Any]:
    original = setting.original
    facts: dict[str, Any] = {
        "student": wanted.student.factory,
        "parametersAfter": sum(parameter.numel() for parameter in student.module.parameters()),
        "epochs": state.epoch,
        "losses": [round(loss, 6) for loss, _ in state.losses],
    }
    if isinstance(original, TorchModel):
        facts["parametersBefore"] = sum(parameter.numel() for parameter in original.module.parameters())
    held_out = [round(loss, 6) for _, loss in state.losses if loss is not None]
    if held_out:
        facts |= {"heldOutLosses": held_out, "bestEpoch": state.best_epoch}
    return facts
