"""The score of a model on the user's data: against labels, or as agreement with the original model without them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np

from slipway_optimizer.arrays import Array, stack_rows
from slipway_optimizer.data import ROWS_AT_ONCE, Dataset
from slipway_optimizer.evaluate.answers import Run, has_rows, in_row_order, run_all
from slipway_optimizer.evaluate.choice import metric_of
from slipway_optimizer.evaluate.function import Function, Outputs, load_function
from slipway_optimizer.evaluate.one_hot import class_numbers, one_hot_axis
from slipway_optimizer.evaluate.problem import ScoreError
from slipway_optimizer.evaluate.reading import Answers, Metric
from slipway_optimizer.spec import Evaluate


class Evaluation(Protocol):
    """Scores models by one metric on one data set."""

    def score(self, run: Run) -> float:
        """The score of a model; a finite number.

        Raises:
            ScoreError: with a sentence, where it has none.
        """
        ...

    def rehearse(self) -> None:
        """Find out with a few rows whether outputs and labels fit the metric, before steps that take long.

        Raises:
            ScoreError: they do not.
        """
        ...


def prepare_evaluation(
    spec: Evaluate, data: Dataset, outputs: Sequence[str], original: Run, code: Path | None
) -> Evaluation:
    """Set up the metric that the spec asks for.

    Args:
        spec: names the metric.
        data: rows, and labels where there are any.
        outputs: names of the model's outputs, in declared order.
        original: runs the original model, whose answers are the truth where there are no labels.
        code: folder that a function of the user's is imported from.

    Raises:
        UserError: the user's function cannot be imported.
    """
    if spec.function is not None:
        return FunctionEvaluation(load_function(spec.function, code), data, outputs, original)
    judged = outputs.index(spec.output) if spec.output else 0
    metric = metric_of(spec)
    one_hot = one_hot_axis(data) if metric.of_classes else None
    return MetricEvaluation(metric, data, outputs[judged], judged, original, one_hot)


@dataclass(frozen=True, eq=False)
class MetricEvaluation:
    """A metric on one output; where labels are one-hot, along which of their axes."""

    metric: Metric
    data: Dataset
    output: str
    index: int
    original: Run
    one_hot: int | None = None

    def score(self, run: Run) -> float:
        predicted, labels = self._of_original if run == self.original else self._read(run)
        truth = self._agreed if labels is None else labels
        if len(truth) != len(predicted):
            raise ScoreError(f"{self.output} has {len(predicted):,} answers for {len(truth):,} that are asked for.")
        score = self.metric.compare(truth, predicted)
        if not math.isfinite(score):
            raise ScoreError(f"{self.metric.name} of the output {self.output} is {score}, which compares with nothing.")
        return score

    @cached_property
    def _agreed(self) -> Array:
        """The original's answers as the truth."""
        predicted, _ = self._of_original
        return self.metric.as_truth(predicted)

    @cached_property
    def _of_original(self) -> tuple[Array, Array | None]:
        """Read once: the original is the slowest of all."""
        return self._read(self.original)

    def rehearse(self) -> None:
        few = self.data.subset(range(min(self.data.rows, ROWS_AT_ONCE)))
        replace(self, data=few)._read(self.original)

    def _read(self, run: Run) -> tuple[Array, Array | None]:
        """Predictions and labels of all positions, in the order of the rows."""
        predicted: list[tuple[Array, Array]] = []
        truth: list[tuple[Array, Array]] = []
        for batch, outputs in run_all(run, self.data):
            values = outputs[self.index]
            if not has_rows(values, batch):
                message = f"The output {self.output} has shape {list(values.shape)} for {len(batch.rows)} rows: a "
                raise ScoreError(message + "metric needs one answer a row, first axis rows; set evaluate.output.")
            labels = None if batch.labels is None else class_numbers(batch.labels, values, self.one_hot)
            reading = self.metric.read(Answers(self.output, values, labels, batch.rows))
            predicted.append((batch.rows, reading.predicted))
            if reading.truth is not None:
                truth.append((batch.rows, reading.truth))
        rows = self.data.rows
        known = np.concatenate(in_row_order(truth, rows)) if truth else None
        return np.concatenate(in_row_order(predicted, rows)), known


@dataclass(frozen=True, eq=False)
class FunctionEvaluation:
    """A function of the user's on all outputs."""

    function: Function
    data: Dataset
    outputs: Sequence[str]
    original: Run

    def score(self, run: Run) -> float:
        # Copies, because what a function does to its arguments must not reach the next candidate.
        if self.data.labels is not None:
            return self.function(self._collect(run), self.data.labels.copy())
        outputs = self._of_original if run == self.original else self._collect(run)
        return self.function(_copied(outputs), _copied(self._of_original))

    def rehearse(self) -> None:
        """Nothing: a function may need every row."""

    @cached_property
    def _of_original(self) -> Outputs:
        return self._collect(self.original)

    def _collect(self, run: Run) -> Outputs:
        """Outputs that have one answer a row, by name, in the order of the rows."""
        parts: dict[str, list[tuple[Array, Array]]] = {}
        for batch, outputs in run_all(run, self.data):
            for name, values in zip(self.outputs, outputs, strict=True):
                if has_rows(values, batch):
                    parts.setdefault(name, []).append((batch.rows, values))
        return {name: stack_rows(in_row_order(values, self.data.rows)) for name, values in parts.items()}


def _copied(outputs: Outputs) -> Outputs:
    return {name: values.copy() for name, values in outputs.items()}
