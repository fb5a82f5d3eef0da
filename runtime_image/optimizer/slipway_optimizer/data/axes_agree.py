"""Inputs that share a named axis have to agree on its size in every row."""

from collections.abc import Mapping

import numpy as np

from slipway_optimizer.arrays import Array
from slipway_optimizer.data.columns import Column
from slipway_optimizer.data.layout import RowLayout
from slipway_optimizer.data.problem import DataProblemError


def check_axes(columns: Mapping[str, Column], layout: RowLayout) -> None:
    """Refuse a row in which one name would mean two sizes."""
    seen: dict[str, tuple[str, Array]] = {}
    for tensor in layout.inputs:
        column = columns[tensor.name]
        sizes = _sizes(column)
        for index, axis in enumerate(layout.row_shape(tensor)):
            if not isinstance(axis, str):
                continue
            other, others = seen.setdefault(axis, (tensor.name, sizes[:, index]))
            wrong = np.broadcast_to(others != sizes[:, index], len(column))
            if wrong.any():
                row = int(np.argmax(wrong))
                raise DataProblemError(f"in row {row}, {other} and {tensor.name} differ in the size of {axis}")


def _sizes(column: Column) -> Array:
    shapes = column.shapes()
    return np.array([column.take(np.array([0])).shape[1:]]) if shapes is None else shapes
