"""Tensors as they pass between the frameworks: NumPy arrays, by input name or in output order."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from slipway_optimizer.spec import Input

Array = np.ndarray[Any, np.dtype[Any]]
Feeds = dict[str, Array]
Axes = Mapping[str, int]


def shape_at(tensor: Input, axes: Axes) -> tuple[int, ...]:
    """A declared shape with a size for each dynamic axis."""
    return tuple(axes[size] if isinstance(size, str) else size for size in tensor.shape)


def stack_rows(rows: Sequence[Array]) -> Array:
    """One array, rows first; an object array of arrays where rows differ in shape."""
    if len({row.shape for row in rows}) == 1:
        return np.stack(rows)
    ragged = np.empty(len(rows), dtype=object)
    for index, row in enumerate(rows):
        ragged[index] = row
    return ragged
