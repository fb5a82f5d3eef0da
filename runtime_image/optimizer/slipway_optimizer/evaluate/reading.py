"""What a metric reads from one output, row by row."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from slipway_optimizer.arrays import Array
from slipway_optimizer.evaluate.problem import ScoreError


@dataclass(frozen=True)
class Answers:
    """One output of one request, and what the data says about it.

    Attributes:
        name: of the output.
        values: rows first.
        labels: rows first, or None where the original model's answers take their place.
        rows: the number of each row in the data set, for errors.
    """

    name: str
    values: Array
    labels: Array | None
    rows: Array


@dataclass(frozen=True)
class Reading:
    """Predictions and, where there are labels, the truth: (rows, positions) each; predictions may be vectors."""

    predicted: Array
    truth: Array | None


@dataclass(frozen=True)
class Metric:
    """How outputs become a score.

    Attributes:
        name: as in the spec.
        read: predictions and truth from an output; small, because those of all rows are kept.
        as_truth: what the original model's predictions are as the truth.
        compare: the score, from all positions of all rows: truth first.
        of_classes: whether the truth is class numbers.
    """

    name: str
    read: Callable[[Answers], Reading]
    as_truth: Callable[[Array], Array]
    compare: Callable[[Array, Array], float]
    of_classes: bool = False


def flat_rows(values: Array) -> Array:
    """(rows, positions)."""
    return values.reshape(len(values), -1)


def refuse_nan(answers: Answers) -> None:
    """NaN in an output would lose or win comparisons by accident."""
    if answers.values.dtype.kind != "f":
        return
    wrong = np.isnan(flat_rows(answers.values)).any(axis=1)
    if wrong.any():
        row = answers.rows[int(np.argmax(wrong))]
        raise ScoreError(f"The output {answers.name} is not a number (NaN) for row {row} of the data.")
