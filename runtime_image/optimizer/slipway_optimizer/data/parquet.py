"""Parquet: one column an input, with numbers or nested lists of numbers."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from slipway_optimizer.arrays import Array
from slipway_optimizer.data.columns import Column
from slipway_optimizer.data.layout import RowLayout
from slipway_optimizer.data.problem import DataProblemError, broken_is
from slipway_optimizer.data.row_writer import TableWriter
from slipway_optimizer.data.spool import require_room

BYTES_AT_ONCE: Final = 16 << 20
MOST_ROWS: Final = 4096


def read_parquet(path: Path, layout: RowLayout) -> tuple[dict[str, Column], Column | None]:
    """Read the inputs, and the labels where there is such a column; other columns are not looked at."""
    with (
        broken_is("it is no Parquet file that can be read", (pa.ArrowException, OverflowError, ValueError)),
        pq.ParquetFile(path, memory_map=True, pre_buffer=False) as file,
    ):
        return _read(file, layout)


def _read(file: Any, layout: RowLayout) -> tuple[dict[str, Column], Column | None]:
    there = file.schema_arrow.names
    with TableWriter(layout, labels=layout.has_labels(there)) as writer:
        for name in writer.names:
            if name not in there:
                raise DataProblemError(f"it has no column {name}, only {', '.join(there) or 'nothing'}")
        require_room("The data", file.metadata.num_rows * layout.least_row_bytes)
        first = 0
        step = _rows_at_once(file, writer.names, layout.least_row_bytes)
        for batch in file.iter_batches(batch_size=step, columns=writer.names, use_threads=False):
            for name in writer.names:
                for row, values in enumerate(_rows(batch.column(name), name, first), first):
                    writer.add(name, values, row)
            first += len(batch)
        return writer.columns()


def _rows_at_once(file: Any, columns: list[str], least_row_bytes: int) -> int:
    """As many rows as unpack to some megabytes: packed, a million equal numbers are a few bytes.

    The sizes in the file's own metadata are not asked for: where these are broken, PyArrow ends the process.
    """
    first = next(file.iter_batches(batch_size=1, columns=columns, use_threads=False), None)
    largest = max(least_row_bytes, first.nbytes if first is not None else 0, 1)
    return max(1, min(MOST_ROWS, BYTES_AT_ONCE // largest))


def _rows(column: Any, name: str, first: int) -> Iterator[Array]:
    """The array of each row: nested lists become dimensions."""
    rows = len(column)
    levels: list[Array] = []
    values = column
    while _is_list(values.type):
        _refuse_nulls(values, name, first, levels)
        levels.append(_offsets(values))
        values = values.flatten()
    _refuse_nulls(values, name, first, levels)
    kind = values.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
        raise DataProblemError(f"its column {name} holds {kind}, not numbers or lists of numbers")
    flat = values.to_numpy(zero_copy_only=False)
    for row in range(rows):
        yield _row(flat, levels, row, f"row {first + row} of its column {name}")


def _row(flat: Array, levels: list[Array], row: int, said: str) -> Array:
    start, end = row, row + 1
    shape: list[int] = []
    for offsets in levels:
        lengths = np.diff(offsets[start : end + 1])
        if len(lengths) and (lengths != lengths[0]).any():
            raise DataProblemError(f"{said} has lists of unequal length inside: every row is a full array")
        shape.append(int(lengths[0]) if len(lengths) else 0)
        start, end = int(offsets[start]), int(offsets[end])
    return flat[start:end].reshape(shape)


def _is_list(kind: Any) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def _offsets(array: Any) -> Array:
    """Where each list begins in the flattened values, and where the last one ends."""
    if pa.types.is_fixed_size_list(array.type):
        return np.arange(len(array) + 1) * int(array.type.list_size)
    offsets: Array = np.asarray(array.offsets)
    return np.asarray(offsets - offsets[0])


def _refuse_nulls(values: Any, name: str, first: int, levels: list[Array]) -> None:
    if not values.null_count:
        return
    position = int(np.argmax(np.asarray(values.is_null())))
    for offsets in reversed(levels):
        position = int(np.searchsorted(offsets, position, side="right")) - 1
    raise DataProblemError(f"row {first + position} of its column {name} holds null: every value has to be a number")
