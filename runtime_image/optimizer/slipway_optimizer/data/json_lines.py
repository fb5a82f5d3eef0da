"""JSON lines: one object a line, with a number or nested lists of numbers for each input."""

import json
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import IO, Any, Final

import numpy as np

from slipway_optimizer.data.columns import Column
from slipway_optimizer.data.layout import RowLayout
from slipway_optimizer.data.problem import DataProblemError
from slipway_optimizer.data.row_writer import TableWriter
from slipway_optimizer.errors import first_line

# A line is held in memory as text and as Python objects, some thirty times as large.
LONGEST_LINE: Final = 32 << 20


def read_json_lines(path: Path, layout: RowLayout) -> tuple[dict[str, Column], Column | None]:
    """Read the inputs, and the labels where the first line has them; a line is a row, counted from 0."""
    with path.open("rb") as file:
        rows = (_object(line, number) for number, line in enumerate(_lines(file)))
        first = next(rows, None)
        if first is None:
            raise DataProblemError("it is empty")
        with TableWriter(layout, labels=layout.has_labels(first)) as writer:
            for number, row in enumerate(chain([first], rows)):
                for name in writer.names:
                    writer.add(name, _array(row, name, number), number)
            return writer.columns()


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    while line := file.readline(LONGEST_LINE + 1):
        if len(line) > LONGEST_LINE:
            raise DataProblemError(f"it has a line of more than {LONGEST_LINE:,} bytes: use .npz or Parquet")
        if line.strip():
            yield line


def _object(line: bytes, number: int) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        kinds = "NumPy's .npz, Parquet, JSON lines, or a folder or zip of images"
        raise DataProblemError(f"row {number} is no JSON ({first_line(error)}); it has to be {kinds}") from error
    if not isinstance(row, dict):
        raise DataProblemError(f"row {number} is a JSON {type(row).__name__}, not an object with one field an input")
    return row


def _array(row: dict[str, Any], name: str, number: int) -> np.ndarray[Any, np.dtype[Any]]:
    if name not in row:
        raise DataProblemError(f"row {number} has no {name}, only {', '.join(sorted(row)) or 'nothing'}")
    try:
        return np.asarray(row[name])
    except ValueError as error:
        message = f"row {number} of its column {name} has lists of unequal length inside: every row is a full array"
        raise DataProblemError(message) from error
