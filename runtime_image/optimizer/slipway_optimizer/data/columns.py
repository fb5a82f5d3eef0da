"""Columns: the values of one input, or the labels, for every row; on disk, so that no data set has to fit memory."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from slipway_optimizer.arrays import Array


class Column(Protocol):
    """Values by row. Rows may differ in shape."""

    def __len__(self) -> int: ...

    def shapes(self) -> Array | None:
        """The shape of each row, as integers (rows, dimensions); None where all are alike."""
        ...

    def take(self, rows: Array) -> Array:
        """The values of rows of one shape, stacked along a new first axis."""
        ...


@dataclass(frozen=True)
class EqualRows:
    """Rows of one shape: an array, usually mapped from a file, and the dtype that they are wanted in."""

    values: Array
    dtype: np.dtype[np.generic]

    def __len__(self) -> int:
        return len(self.values)

    def shapes(self) -> Array | None:
        return None

    def take(self, rows: Array) -> Array:
        return np.asarray(self.values[rows]).astype(self.dtype)


@dataclass(frozen=True)
class UnequalRows:
    """Rows of several shapes, one after the other.

    Attributes:
        values: all values, flat.
        row_shapes: integers (rows, dimensions).
        starts: where each row begins in `values`.
        dtype: what the values are wanted in.
    """

    values: Array
    row_shapes: Array
    starts: Array
    dtype: np.dtype[np.generic]

    def __len__(self) -> int:
        return len(self.row_shapes)

    def shapes(self) -> Array | None:
        return self.row_shapes

    def take(self, rows: Array) -> Array:
        shape = tuple(int(size) for size in self.row_shapes[rows[0]])
        size = int(np.prod(shape))
        flat = [self.values[start : start + size] for start in self.starts[rows]]
        return np.stack(flat).reshape(len(rows), *shape).astype(self.dtype)


@dataclass(frozen=True)
class PaddedRows:
    """Rows of several sizes that count as equal: each is filled up at its end to the largest that is taken with it."""

    rows: UnequalRows
    value: float

    def __len__(self) -> int:
        return len(self.rows)

    def shapes(self) -> Array | None:
        return None

    def take(self, rows: Array) -> Array:
        largest = tuple(int(size) for size in self.rows.row_shapes[rows].max(axis=0))
        padded = np.full((len(rows), *largest), self.value, self.rows.dtype)
        for index, row in enumerate(rows):
            values = self.rows.take(np.array([row]))[0]
            padded[index][tuple(slice(size) for size in values.shape)] = values
        return padded
