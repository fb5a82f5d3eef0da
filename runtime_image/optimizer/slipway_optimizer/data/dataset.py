"""A data set: rows of inputs in the order of the file, handed out as requests that the model takes."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np

from slipway_optimizer.arrays import Array, Feeds, stack_rows
from slipway_optimizer.data.columns import Column
from slipway_optimizer.data.layout import RowLayout

ROWS_AT_ONCE: Final = 32
# In one request. PyTorch's tensors of larger ones are memory that the system hands out anew for each operator, which
# takes longer than computing them.
MOST_VALUES: Final = 1 << 20
DIGEST_BYTES: Final = 16


@dataclass(frozen=True)
class Batch:
    """One request.

    Attributes:
        rows: the number of each row in the data set, in the order in which they lie in `feeds`. Where the model fixes
            how many rows a request holds, the last row may be in it several times.
        feeds: the inputs.
        labels: the labels of these rows, rows first, where the data has labels.
    """

    rows: Array
    feeds: Feeds
    labels: Array | None


@dataclass(frozen=True, eq=False)
class Dataset:
    """Rows of inputs and, where given, labels.

    Attributes:
        columns: the values of each input.
        truth: the labels.
        layout: where the rows are in each input.
        picked: which rows of the columns are in this data set, in its order.
    """

    columns: Mapping[str, Column]
    truth: Column | None
    layout: RowLayout
    picked: Array

    @property
    def rows(self) -> int:
        return len(self.picked)

    @cached_property
    def labels(self) -> Array | None:
        """The labels, rows first, or None.

        Where rows differ in shape and are not padded, an object array of arrays.
        """
        if self.truth is None:
            return None
        if self.truth.shapes() is None:
            return self.truth.take(self.picked)
        return stack_rows([self.truth.take(np.array([row]))[0] for row in self.picked])

    def chunks(self, rows_at_once: int | None = None) -> Iterator[Feeds]:
        """The inputs alone. With rows of several shapes this is not the order of the rows: `batches` says which."""
        for batch in self.batches(rows_at_once):
            yield batch.feeds

    def batches(self, rows_at_once: int | None = None) -> Iterator[Batch]:
        """Requests of rows of one shape, each of at most `rows_at_once` rows, or of as many as the model fixes.

        Where nobody says how many, few large rows share a request, and many small ones.
        """
        for group in self._groups:
            step = self.layout.fixed or rows_at_once or self._rows_that_suit(group[:1])
            for start in range(0, len(group), step):
                rows = group[start : start + step]
                if self.layout.fixed and len(rows) < step:
                    rows = np.concatenate([rows, np.repeat(rows[-1], step - len(rows))])
                yield self._batch(rows)

    def subset(self, indices: Sequence[int] | Array) -> "Dataset":
        """These rows, in this order."""
        return replace(self, picked=self.picked[np.asarray(indices, dtype=np.int64)])

    def row_digests(self) -> list[bytes]:
        """A digest of the inputs of each row, whatever kind of file it came from; labels do not count."""
        return [self._row_digest(np.array([row])) for row in self.picked]

    def _row_digest(self, row: Array) -> bytes:
        digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
        for name, column in self.columns.items():
            value = column.take(row)[0]
            digest.update(f"{name} {value.dtype} {value.shape} ".encode() + value.tobytes())
        return digest.digest()

    def _rows_that_suit(self, row: Array) -> int:
        values = sum(column.take(self.picked[row]).size for column in self.columns.values())
        return max(1, min(ROWS_AT_ONCE, MOST_VALUES // max(values, 1)))

    def _batch(self, rows: Array) -> Batch:
        picked = self.picked[rows]
        feeds = {name: self._stacked(name, column.take(picked)) for name, column in self.columns.items()}
        return Batch(rows, feeds, self.truth.take(picked) if self.truth is not None else None)

    def _stacked(self, name: str, values: Array) -> Array:
        axis = self.layout.axes[name]
        return values[0] if axis is None else np.ascontiguousarray(np.moveaxis(values, 0, axis))

    @cached_property
    def _groups(self) -> list[Array]:
        """Rows that fit one request: of one shape, and of one value in inputs that rows share."""
        columns = [*self.columns.values(), *([self.truth] if self.truth is not None else [])]
        keys = [shapes[self.picked] for shapes in (column.shapes() for column in columns) if shapes is not None]
        keys += [self._fingerprints(self.columns[name]) for name, axis in self.layout.axes.items() if axis is None]
        if not keys:
            return [np.arange(self.rows)]
        kinds, kind = np.unique(np.concatenate(keys, axis=1), axis=0, return_inverse=True)
        return [np.flatnonzero(kind.reshape(-1) == number) for number in range(len(kinds))]

    def _fingerprints(self, column: Column) -> Array:
        """Two integers for the value of each row, equal for equal values of one shape."""
        taken = (column.take(self.picked[row : row + 1]) for row in range(self.rows))
        digests = [hashlib.blake2b(values.tobytes(), digest_size=DIGEST_BYTES).digest() for values in taken]
        return np.frombuffer(b"".join(digests), dtype=np.int64).reshape(self.rows, -1)
