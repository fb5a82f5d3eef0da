"""From a file or a folder to a data set: its kind is told from its content; what is wrong with it is one sentence."""

import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Literal

import numpy as np

from slipway_optimizer import reasons
from slipway_optimizer.data.axes_agree import check_axes
from slipway_optimizer.data.columns import Column
from slipway_optimizer.data.dataset import Dataset
from slipway_optimizer.data.json_lines import read_json_lines
from slipway_optimizer.data.layout import RowLayout, row_layout
from slipway_optimizer.data.npz import read_npz
from slipway_optimizer.data.padding import padded
from slipway_optimizer.data.problem import BROKEN_ZIP, DataProblemError, broken_is
from slipway_optimizer.errors import UserError
from slipway_optimizer.spec import Input

Purpose = Literal["evaluation", "calibration", "training"]
Columns = tuple[dict[str, Column], Column | None]
Reader = Callable[[Path, RowLayout], Columns]

PARQUET: Final = b"PAR1"


def read_data(path: Path, inputs: Sequence[Input], purpose: Purpose = "evaluation") -> Dataset:
    """Read rows for the declared inputs, and labels where there are any.

    Args:
        path: the fetched file (.npz, Parquet, JSON lines, zip of images) or folder (of images).
        inputs: the declared inputs of the model.
        purpose: what the data is for, as errors call it.

    Raises:
        UserError: `DataInvalid`, with the column, the row or the file that does not fit.
    """
    try:
        layout = row_layout(inputs)
        columns, labels = _reader(path)(path, layout)
        rows = _rows(columns, labels)
        check_axes(columns, layout)
        return Dataset(*padded(columns, labels, layout), layout, np.arange(rows))
    except DataProblemError as error:
        raise UserError(reasons.DATA_INVALID, f"The {purpose} data cannot be used: {error}.") from error


def _reader(path: Path) -> Reader:
    # PyArrow and Pillow take a while to import, and most Jobs need neither.
    if path.is_dir():
        from slipway_optimizer.data.image_folder import read_images  # noqa: PLC0415

        return read_images
    with path.open("rb") as file:
        start = file.read(len(PARQUET))
    if start == PARQUET:
        from slipway_optimizer.data.parquet import read_parquet  # noqa: PLC0415

        return read_parquet
    if zipfile.is_zipfile(path):
        return _zip_reader(path)
    return read_json_lines


def _zip_reader(path: Path) -> Reader:
    with broken_is("its zip archive cannot be read", BROKEN_ZIP), zipfile.ZipFile(path) as archive:
        if any(name.endswith(".npy") for name in archive.namelist()):
            return read_npz
    from slipway_optimizer.data.image_folder import read_images  # noqa: PLC0415

    return read_images


def _rows(columns: dict[str, Column], labels: Column | None) -> int:
    counts = {len(column) for column in [*columns.values(), *([labels] if labels is not None else [])]}
    if len(counts) != 1 or counts == {0}:
        numbers = ", ".join(str(count) for count in sorted(counts))
        raise DataProblemError(f"its columns have {numbers} rows; all need the same number, at least one")
    return counts.pop()
