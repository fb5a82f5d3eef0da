"""What a training makes small: the distance from the teacher's answers, from labels, or from both."""

from typing import Final

from torch import Tensor

from slipway_optimizer import reasons
from slipway_optimizer.derive.lesson import Loss, Targets
from slipway_optimizer.derive.losses import class_axis, divergence, label_error, squared_error
from slipway_optimizer.derive.setting import Setting
from slipway_optimizer.errors import UserError
from slipway_optimizer.spec import Distill

CLASSES: Final = 2


def distilling(wanted: Distill, *, labels: bool) -> Loss:
    """The loss against the teacher, and where there are labels that against them, each with its weight."""
    weight = wanted.hard_label_weight

    def soft(output: Tensor, targets: Targets) -> Tensor:
        if wanted.loss == "MSE" or targets.teacher is None:
            return from_teacher(output, targets)
        return divergence(output, targets.teacher, wanted.temperature)

    def both(output: Tensor, targets: Targets) -> Tensor:
        return (1 - weight) * soft(output, targets) + weight * from_labels(output, targets)

    return both if weight and labels else soft


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


def check_classes(setting: Setting, wanted: Distill) -> None:
    """See that a loss over classes finds some.

    Raises:
        UserError: it does not.
    """
    shape, _ = setting.expected[0][setting.trained_output]
    rows = () if setting.has_rows else (1,)
    with_rows = (*rows, *shape)
    if wanted.loss == "KLDivergence" and (len(with_rows) < CLASSES or with_rows[class_axis(len(with_rows))] < CLASSES):
        name = setting.shop.outputs[setting.trained_output]
        message = f"{name} has shape {list(shape)}, which are no classes: set spec.optimize.distill.loss to MSE."
        raise UserError(reasons.INVALID_SPEC, message)
