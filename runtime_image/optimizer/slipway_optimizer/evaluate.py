"""The metric on the user's data: accuracy against labels, or agreement with the original model without them."""

import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from slipway_optimizer import reasons
from slipway_optimizer.arrays import Array, Feeds
from slipway_optimizer.errors import UserError, first_line
from slipway_optimizer.spec import Input

LABELS: Final = "labels"
CHUNK_ROWS: Final = 32

Run = Callable[[Feeds], list[Array]]


@dataclass(frozen=True)
class EvaluationData:
    """Rows of inputs, in chunks that the model takes, and the class of each row where labels are given."""

    chunks: list[Feeds]
    labels: Array | None


def read_evaluation_data(path: Path, inputs: Sequence[Input]) -> EvaluationData:
    """Read an npz file with one array an input, first axis rows, and optionally `labels`.

    Raises:
        UserError: an array is missing, of another shape, or the rows do not match.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (ValueError, OSError, zipfile.BadZipFile, EOFError, TypeError, AttributeError) as error:
        raise _invalid(f"it is no .npz file ({first_line(error)}); write it with numpy.savez") from error
    feeds = {tensor.name: _checked(tensor, arrays) for tensor in inputs}
    rows = {len(array) for array in feeds.values()}
    labels = arrays.get(LABELS)
    if labels is not None:
        rows.add(len(labels))
    if len(rows) != 1 or rows == {0}:
        raise _invalid(
            f"its arrays have {', '.join(map(str, sorted(rows)))} rows; all need the same number, at least one"
        )
    step = _rows_at_once(inputs)
    chunks = list(_chunks(feeds, step, rows.pop()))
    if not chunks:
        raise _invalid(f"the model takes {step} rows at once, and there are fewer")
    return EvaluationData(chunks, None if labels is None else labels.reshape(len(labels), -1)[:, 0])


def predict(run: Run, data: EvaluationData) -> Array:
    """The predicted class of every row: the largest value of the first output."""
    return np.concatenate([_classes(run(chunk)[0]) for chunk in data.chunks])


def accuracy(predicted: Array, truth: Array) -> float:
    """Share of rows that agree."""
    rows = min(len(predicted), len(truth))
    return float(np.mean(predicted[:rows] == truth[:rows]))


def _classes(output: Array) -> Array:
    rows = output.reshape(len(output), -1)
    if rows.shape[1] > 1:
        return np.asarray(rows.argmax(axis=1))
    # One value a row is a class already, or a probability.
    return np.asarray(rows[:, 0] if output.dtype.kind in "iub" else rows[:, 0] > 0.5)  # noqa: PLR2004


def _checked(tensor: Input, arrays: dict[str, Array]) -> Array:
    if tensor.name not in arrays:
        raise _invalid(f"it has no array {tensor.name}, only {', '.join(sorted(arrays)) or 'nothing'}")
    array = arrays[tensor.name]
    fits = array.ndim == len(tensor.shape) and all(
        isinstance(declared, str) or declared == size
        for declared, size in zip(tensor.shape[1:], array.shape[1:], strict=False)
    )
    if not fits or not tensor.shape:
        declared = ", ".join(str(size) for size in tensor.shape)
        raise _invalid(f"its array {tensor.name} has shape {list(array.shape)}; the spec declares [{declared}]")
    if array.dtype.kind not in "biuf":
        raise _invalid(f"its array {tensor.name} holds {array.dtype}, not numbers")
    return array.astype(tensor.dtype)


def _rows_at_once(inputs: Sequence[Input]) -> int:
    fixed = [tensor.shape[0] for tensor in inputs if isinstance(tensor.shape[0], int)]
    return int(fixed[0]) if fixed else CHUNK_ROWS


def _chunks(feeds: Feeds, step: int, rows: int) -> Iterator[Feeds]:
    for start in range(0, rows, step):
        if step != CHUNK_ROWS and start + step > rows:
            return
        yield {name: array[start : start + step] for name, array in feeds.items()}


def _invalid(detail: str) -> UserError:
    return UserError(reasons.DATA_INVALID, f"The evaluation data cannot be used: {detail}.")
