"""Classes: which axis of an output they are along, which is predicted, and whether labels can be meant."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from slipway_optimizer.arrays import Array
from slipway_optimizer.data.layout import IGNORED_LABEL
from slipway_optimizer.evaluate.problem import ScoreError
from slipway_optimizer.evaluate.reading import Answers, Reading, flat_rows, refuse_nan

THRESHOLD: Final = 0.5
MATRIX: Final = 2


def read_scores(answers: Answers) -> Array:
    """The scores of each class at each position: (rows, positions, classes); one score a position is one class.

    Classes are along the axis whose removal gives the shape of the labels. Without labels, or where that leaves a
    choice: along the last axis of a row with one or two axes, and along the first of one with more, as in
    [classes, height, width].
    """
    refuse_nan(answers)
    shape, values = answers.values.shape[1:], answers.values
    labels = None if answers.labels is None else answers.labels.shape[1:]
    if labels is not None and _without_ones(labels) == _without_ones(shape):
        return flat_rows(values)[..., np.newaxis]
    if not shape:
        return values.reshape(len(values), 1, 1)
    axes = [len(shape) - 1, 0] if len(shape) <= MATRIX else [0, len(shape) - 1]
    for axis in axes:
        positions = (*shape[:axis], *shape[axis + 1 :])
        if labels is None or _without_ones(positions) == _without_ones(labels):
            return np.moveaxis(values, axis + 1, -1).reshape(len(values), -1, shape[axis])
    raise ScoreError(
        f"The labels of a row have shape {list(labels or ())}, and the output {answers.name} has {list(shape)}: give "
        "one class number for each position of the output."
    )


def read_classes(answers: Answers) -> Reading:
    """The predicted class of each position, and the labels."""
    if answers.values.dtype.kind in "iub":
        return Reading(flat_rows(answers.values).astype(np.int64), class_labels(answers, None))
    scores = read_scores(answers)
    return Reading(most_likely(scores), class_labels(answers, max(scores.shape[-1], 2)))


def most_likely(scores: Array) -> Array:
    """The class of each position; one score alone is the probability of class 1."""
    return scores.argmax(axis=-1) if scores.shape[-1] > 1 else (scores[..., 0] > THRESHOLD).astype(np.int64)


def class_labels(answers: Answers, classes: int | None) -> Array | None:
    """The labels as (rows, positions), where each is a class that the output has, or `IGNORED_LABEL`."""
    if answers.labels is None:
        return None
    labels = flat_rows(answers.labels)
    highest = np.inf if classes is None else classes - 1
    valid = (labels == np.floor(labels)) & (((labels >= 0) & (labels <= highest)) | (labels == IGNORED_LABEL))
    if not valid.all():
        row, position = np.argwhere(~valid)[0]
        wanted = "whole numbers from 0" if classes is None else f"0 to {classes - 1}"
        raise ScoreError(
            f"The label of row {answers.rows[row]} is {labels[row, position]:g}, and the classes of the output "
            f"{answers.name} are {wanted}: correct the labels, or set a metric for quantities."
        )
    return labels.astype(np.int64)


def counted(truth: Array, predicted: Array) -> tuple[Array, Array]:
    """What is left without the positions that nobody labelled."""
    kept = truth != IGNORED_LABEL
    if not kept.any():
        raise ScoreError(f"Every label is {IGNORED_LABEL}, which means that nobody labelled it.")
    return truth[kept], predicted[kept]


def _without_ones(shape: Sequence[int]) -> list[int]:
    return [size for size in shape if size != 1]
