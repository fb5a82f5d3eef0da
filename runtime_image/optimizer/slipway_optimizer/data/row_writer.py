"""One column written row by row to scratch space, whatever file the rows come from."""

from collections.abc import Sequence
from typing import Self

import numpy as np

from slipway_optimizer.arrays import Array
from slipway_optimizer.data.check import check_values, fits, said
from slipway_optimizer.data.columns import Column, EqualRows, UnequalRows
from slipway_optimizer.data.layout import LABELS, RowLayout
from slipway_optimizer.data.problem import DataProblemError
from slipway_optimizer.data.spool import mapped, spool
from slipway_optimizer.spec import Input


class RowWriter:
    """Takes the rows of one column, and becomes the column.

    Args:
        name: of the column.
        declared: the shape of a row, where one is declared.
        dtype: what its values are wanted in; labels stay integers where all are.
    """

    def __init__(self, name: str, declared: Sequence[int | str] | None, dtype: np.dtype[np.generic] | None) -> None:
        self.name = name
        self._declared = declared
        self._dtype = dtype
        self._file = spool()
        self._shapes: list[tuple[int, ...]] = []
        self._whole = True

    def add(self, row: Array, number: int) -> None:
        """Take row `number`.

        Raises:
            DataProblemError: it is of another shape, or no numbers that the dtype holds.
        """
        if row.dtype.kind not in "biuf":
            found = "text" if row.dtype.kind in "US" else "null or an object"
            raise DataProblemError(f"row {number} of its column {self.name} holds {found}, not only numbers")
        if self._declared is not None and not fits(row.shape, self._declared):
            message = f"row {number} of its column {self.name} has shape {list(row.shape)}; the spec asks for "
            raise DataProblemError(message + said(self._declared))
        self._whole = self._whole and row.dtype.kind != "f"
        kept = self._dtype or np.dtype(np.float64)
        check_values(self.name, row[None], kept, number)
        self._file.write(np.ascontiguousarray(row, dtype=kept).tobytes())
        self._shapes.append(row.shape)

    def close(self) -> None:
        self._file.close()

    def column(self) -> Column:
        """All rows, on disk."""
        kept = self._dtype or np.dtype(np.float64)
        dtype = self._dtype or np.dtype(np.int64 if self._whole else np.float64)
        if len(set(self._shapes)) <= 1:
            shape = self._shapes[0] if self._shapes else ()
            return EqualRows(mapped(self._file, kept, (len(self._shapes), *shape)), dtype)
        sizes = np.array([int(np.prod(shape)) for shape in self._shapes])
        if len({len(shape) for shape in self._shapes}) > 1:
            raise DataProblemError(f"the rows of its column {self.name} differ in their number of dimensions")
        values = mapped(self._file, kept, (int(sizes.sum()),))
        return UnequalRows(values, np.array(self._shapes), np.concatenate([[0], np.cumsum(sizes)[:-1]]), dtype)


class TableWriter:
    """Takes the rows of all columns; `labels` says whether the table has them."""

    def __init__(self, layout: RowLayout, *, labels: bool) -> None:
        self._writers = {tensor.name: _writer(tensor, layout) for tensor in layout.inputs}
        self._labelled = labels
        if labels:
            self._writers[LABELS] = RowWriter(LABELS, None, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for writer in self._writers.values():
            writer.close()

    @property
    def names(self) -> list[str]:
        return list(self._writers)

    def add(self, name: str, row: Array, number: int) -> None:
        self._writers[name].add(row, number)

    def columns(self) -> tuple[dict[str, Column], Column | None]:
        """The inputs, and the labels."""
        columns = {name: writer.column() for name, writer in self._writers.items()}
        labels = columns.pop(LABELS) if self._labelled else None
        return columns, labels


def _writer(tensor: Input, layout: RowLayout) -> RowWriter:
    return RowWriter(tensor.name, layout.row_shape(tensor), np.dtype(tensor.dtype))
