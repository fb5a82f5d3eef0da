"""From a file to a data set: which kind it is, by its content, and one sentence about what is wrong with it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from slipway_optimizer import reasons
from slipway_optimizer.data.dataset import Dataset
from slipway_optimizer.data.layout import row_layout
from slipway_optimizer.data.npz import read_npz
from slipway_optimizer.data.problem import DataProblemError
from slipway_optimizer.errors import UserError
from slipway_optimizer.spec import Input

Purpose = Literal["evaluation", "calibration", "training"]


def read_data(path: Path, inputs: Sequence[Input], purpose: Purpose = "evaluation") -> Dataset:
    """Read rows for the declared inputs, and labels where there are any.

    Args:
        path: the fetched file.
        inputs: the declared inputs of the model.
        purpose: what the data is for, as errors call it.

    Raises:
        UserError: `DataInvalid`, with the column, the row or the file that does not fit.
    """
    try:
        return _read(path, inputs)
    except DataProblemError as error:
        raise UserError(reasons.DATA_INVALID, f"The {purpose} data cannot be used: {error}.") from error


def _read(path: Path, inputs: Sequence[Input]) -> Dataset:
    layout = row_layout(inputs)
    columns, labels = read_npz(path, layout)
    counts = {len(column) for column in [*columns.values(), *([labels] if labels is not None else [])]}
    if len(counts) != 1 or counts == {0}:
        numbers = ", ".join(str(count) for count in sorted(counts))
        raise DataProblemError(f"its columns have {numbers} rows; all need the same number, at least one")
    return Dataset(columns, labels, layout, np.arange(counts.pop()))
