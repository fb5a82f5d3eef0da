"""How far answers are from those of a teacher, and from labels."""

from typing import Final

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, kl_div, log_softmax, mse_loss

# What PyTorch's losses leave out by default: padding, and what nobody labelled.
IGNORED: Final = -100
MATRIX: Final = 2


def divergence(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """KL divergence of the softened probabilities, mean over positions, times T squared.

    The factor keeps the gradients of this part as large as those of hard labels, whatever the temperature (Hinton,
    Vinyals and Dean, Distilling the Knowledge in a Neural Network, 2015, https://arxiv.org/abs/1503.02531, section 2).

    Args:
        student: logits (rows, …).
        teacher: logits of the same shape.
        temperature: what both are divided by before the softmax.
    """
    axis = class_axis(student.ndim)
    mine = log_softmax(student / temperature, axis)
    right = log_softmax(teacher / temperature, axis)
    positions = student.numel() // student.shape[axis]
    return kl_div(mine, right, reduction="sum", log_target=True) / positions * temperature**2


def squared_error(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean squared difference."""
    return mse_loss(student, teacher)


def label_error(output: Tensor, labels: Tensor) -> Tensor:
    """Cross entropy where the labels are classes of the output, else the mean squared difference.

    Args:
        output: (rows, …).
        labels: whole numbers with one axis less than the output, or numbers of the output's shape.

    Raises:
        ValueError: the shapes allow neither.
    """
    if not labels.is_floating_point() and labels.ndim == output.ndim:
        labels = _without_axis_of_one(labels, output)
    if not labels.is_floating_point() and labels.ndim == output.ndim - 1:
        axis = next((axis for axis in _axes(output.ndim) if _rest(output, axis) == labels.shape), None)
        if axis is not None and output.shape[axis] > 1:
            return _class_error(output.movedim(axis, 1), labels)
    if labels.numel() == output.numel():
        return mse_loss(output, labels.to(output.dtype).reshape(output.shape))
    raise ValueError(f"the labels of a row have shape {list(labels.shape[1:])}, the output {list(output.shape[1:])}")


def _class_error(output: Tensor, labels: Tensor) -> Tensor:
    counted = labels[labels != IGNORED]
    if not counted.numel():
        # The mean of none is no number, and there is nothing to learn.
        return output.sum() * 0
    classes, odd = output.shape[1], counted[(counted < 0) | (counted >= output.shape[1])]
    if odd.numel():
        raise ValueError(f"a label is {int(odd[0])}, and the output has the classes 0 to {classes - 1}")
    return cross_entropy(output, labels, ignore_index=IGNORED)


def class_axis(dimensions: int) -> int:
    """Where the classes of an output are: last, or after the rows in maps such as (rows, classes, height, width)."""
    return _axes(dimensions)[0]


def _axes(dimensions: int) -> list[int]:
    return [dimensions - 1, 1] if dimensions - 1 <= MATRIX else [1, dimensions - 1]


def _rest(output: Tensor, axis: int) -> torch.Size:
    return torch.Size([*output.shape[:axis], *output.shape[axis + 1 :]])


def _without_axis_of_one(labels: Tensor, output: Tensor) -> Tensor:
    """Labels of shape (rows, 1), which is what tables give."""
    return labels.squeeze(-1) if labels.shape[-1] == 1 != output.shape[-1] else labels
