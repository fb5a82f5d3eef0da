"""The request that is timed: one row of the user's data where there is any, else a random one, and more of the same."""

from collections.abc import Mapping, Sequence

import numpy as np

from slipway_contract.manifest import TensorSpec
from slipway_optimizer.arrays import Array, Feeds
from slipway_optimizer.data import Dataset


def typical(data: Dataset) -> Feeds:
    """One row of the data as a request; where rows differ in size, one of the middle size."""
    sizes = np.zeros(data.rows)
    for column in data.columns.values():
        shapes = column.shapes()
        if shapes is not None:
            sizes += shapes[data.picked].prod(axis=1)
    middle = np.argsort(sizes, kind="stable")[data.rows // 2]
    return next(data.subset([int(middle)]).chunks(1))


def widen(feeds: Feeds, inputs: Sequence[TensorSpec], axis: str, rows: int) -> Feeds:
    """A request of `rows` rows, all of them as in the request of one row that is given."""
    return {tensor.name: _repeat(feeds[tensor.name], tensor.shape, axis, rows) for tensor in inputs}


def rows_of(feeds: Mapping[str, Array]) -> int:
    """Size of the first axis of the first input."""
    shape = next(iter(feeds.values())).shape
    return int(shape[0]) if shape else 1


def _repeat(values: Array, shape: Sequence[int | str], axis: str, rows: int) -> Array:
    if axis not in shape:
        return values
    return np.repeat(values, rows, axis=list(shape).index(axis))
