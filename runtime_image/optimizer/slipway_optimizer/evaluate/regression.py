"""MSE, Pearson and Spearman: outputs that are quantities, against labels or the original's own values."""

import numpy as np

from slipway_optimizer.arrays import Array
from slipway_optimizer.evaluate.problem import ScoreError
from slipway_optimizer.evaluate.reading import Answers, Metric, Reading, flat_rows, refuse_nan


def mse() -> Metric:
    """The mean squared error over all values of all rows; the only metric of which less is better."""
    return Metric("MSE", read_values, _same, _mean_squared_error)


def _mean_squared_error(truth: Array, predicted: Array) -> float:
    return float(np.mean(np.square(truth - predicted)))


def pearson() -> Metric:
    """The linear correlation over all values of all rows."""

    def compare(truth: Array, predicted: Array) -> float:
        # SciPy's statistics take most of a second to import, and few Jobs need them.
        from scipy.stats import pearsonr  # noqa: PLC0415

        _refuse_constant(truth, predicted)
        return float(pearsonr(truth, predicted).statistic)

    return Metric("Pearson", read_values, _same, compare)


def spearman() -> Metric:
    """The correlation of ranks over all values of all rows."""

    def compare(truth: Array, predicted: Array) -> float:
        from scipy.stats import spearmanr  # noqa: PLC0415

        _refuse_constant(truth, predicted)
        return float(spearmanr(truth, predicted).statistic)

    return Metric("Spearman", read_values, _same, compare)


def read_values(answers: Answers) -> Reading:
    """Every value of each row, and the labels, which have to be as many."""
    refuse_nan(answers)
    values = flat_rows(answers.values).astype(np.float64)
    if answers.labels is None:
        return Reading(values, None)
    labels = flat_rows(answers.labels).astype(np.float64)
    if labels.shape != values.shape:
        raise ScoreError(
            f"The labels of a row have shape {list(answers.labels.shape[1:])}, and the output {answers.name} has "
            f"{list(answers.values.shape[1:])}: give one value for each of the output."
        )
    wrong = ~np.isfinite(labels).all(axis=1)
    if wrong.any():
        raise ScoreError(f"The label of row {answers.rows[int(np.argmax(wrong))]} is not a finite number.")
    return Reading(values, labels)


def _refuse_constant(truth: Array, predicted: Array) -> None:
    for values, whose in ((truth, "the truth"), (predicted, "the prediction")):
        if values.min() == values.max():
            raise ScoreError(f"A correlation needs values that differ, and {whose} is {values[0]:g} everywhere.")


def _same(predicted: Array) -> Array:
    return predicted
