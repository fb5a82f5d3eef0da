"""Labels with a 1 for the class and a 0 for every other, as some frameworks want them: read as class numbers."""

from typing import Final

import numpy as np

from slipway_optimizer.arrays import Array
from slipway_optimizer.data import ROWS_AT_ONCE, Dataset

MATRIX: Final = 2


def one_hot_axis(data: Dataset) -> int | None:
    """The axis of the labels, rows first, that classes are along where all labels are one-hot; else None.

    All rows decide: labels of several classes a row, each yes or no, may have a single yes in some of them.
    """
    if data.truth is None or data.truth.shapes() is not None:
        return None
    dimensions = data.truth.take(data.picked[:1]).ndim - 1
    if dimensions < 1:
        return None
    axis = dimensions if dimensions <= MATRIX else 1
    chunks = (data.truth.take(data.picked[start : start + ROWS_AT_ONCE]) for start in range(0, data.rows, ROWS_AT_ONCE))
    return axis if all(_is_one_hot(chunk, axis) for chunk in chunks) else None


def class_numbers(labels: Array, values: Array, axis: int | None) -> Array:
    """One-hot labels of outputs of the same shape as class numbers; any others as they are."""
    if axis is None or labels.shape != values.shape or values.dtype.kind != "f":
        return labels
    return np.asarray(labels.argmax(axis=axis))


def _is_one_hot(labels: Array, axis: int) -> bool:
    if labels.shape[axis] == 1:
        return False
    return bool(((labels == 0) | (labels == 1)).all() and (labels.sum(axis=axis) == 1).all())
