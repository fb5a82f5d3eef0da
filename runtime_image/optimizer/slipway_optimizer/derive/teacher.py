"""The teacher's answers to every row, asked once and kept on disk: students go through the rows many times."""

from collections.abc import Callable, Sequence

import numpy as np

from slipway_optimizer import reasons
from slipway_optimizer.arrays import Array
from slipway_optimizer.data import Dataset
from slipway_optimizer.data.columns import Column, EqualRows, UnequalRows
from slipway_optimizer.data.spool import mapped, spool
from slipway_optimizer.errors import UserError
from slipway_optimizer.evaluate.answers import Run, has_rows, run_all


def ask(teacher: Run, data: Dataset, output: int, name: str, on_rows: Callable[[int], None]) -> Column:
    """One output of a model for each row.

    Args:
        teacher: runs the model.
        data: the rows.
        output: which of the model's outputs.
        name: what the spec calls it.
        on_rows: called with the number of rows that are done.

    Raises:
        UserError: the output has no rows, or is no real number.
    """
    starts, shapes = np.zeros(data.rows, dtype=np.int64), [()] * data.rows
    dtype, written, done = np.dtype(np.float32), 0, 0
    with spool() as file:
        for batch, outputs in run_all(teacher, data):
            answers = outputs[output]
            _check(answers, has_rows(answers, batch), name)
            _check_finite(answers, batch.rows, name)
            dtype = answers.dtype
            for row, answer in zip(batch.rows, answers, strict=True):
                starts[row], shapes[row] = written, answer.shape
                file.write(np.ascontiguousarray(answer).tobytes())
                written += answer.size
            done += len(np.unique(batch.rows))
            on_rows(done)
        if _is_one_array(starts, shapes):
            return EqualRows(mapped(file, dtype, (data.rows, *shapes[0])), dtype)
        return UnequalRows(mapped(file, dtype, (written,)), np.array(shapes, dtype=np.int64), starts, dtype)


def _is_one_array(starts: Array, shapes: Sequence[tuple[int, ...]]) -> bool:
    """Whether all answers have one shape and lie in the order of the rows, which those to requests by shape do not."""
    return len(set(shapes)) == 1 and np.array_equal(starts, np.arange(len(shapes)) * int(np.prod(shapes[0])))


def _check_finite(answers: Array, rows: Array, name: str) -> None:
    finite = np.isfinite(answers.reshape(len(rows), -1)).all(axis=1)
    if not finite.all():
        row = rows[~finite].min()
        message = f"The model's {name} for row {row} of the training data is not finite, which no model can learn: "
        raise UserError(reasons.DATA_INVALID, message + "correct the row, or leave it out.")


def _check(answers: Array, rows: bool, name: str) -> None:
    if not rows:
        message = f"{name} does not answer each row by itself, so that no model can be trained on it: name another in "
        raise UserError(reasons.DATA_INVALID, message + "spec.optimize.evaluate.output.")
    if answers.dtype.kind != "f":
        message = f"{name} holds {answers.dtype}, which no model can be trained on: name another output in "
        raise UserError(reasons.DATA_INVALID, message + "spec.optimize.evaluate.output.")
