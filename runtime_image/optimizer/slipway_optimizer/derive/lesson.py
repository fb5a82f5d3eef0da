"""What is learned: rows, the teacher's answers to them, their labels, and how far an answer is from these."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from slipway_optimizer.arrays import Array
from slipway_optimizer.data import Batch, Dataset
from slipway_optimizer.data.columns import Column
from slipway_optimizer.derive.losses import class_axis
from slipway_optimizer.formats.torch_module import to_tensors
from slipway_optimizer.spec import ModelSpec


@dataclass(frozen=True)
class Targets:
    """What the answers to one batch should be."""

    teacher: Tensor | None
    labels: Tensor | None


Loss = Callable[[Tensor, Targets], Tensor]
LossOf = Callable[[torch.nn.Module], Tensor]


@dataclass(frozen=True)
class Lesson:
    """Rows to learn from.

    Attributes:
        spec: the declared inputs.
        data: the rows.
        output: which output is trained.
        answers: the teacher's, where they count.
        loss: how far an output is from its targets; a mean over rows.
    """

    spec: ModelSpec
    data: Dataset
    output: int
    answers: Column | None
    loss: Loss

    def steps(self, rows: Array, batch_size: int) -> Iterator[tuple[int, LossOf]]:
        """How many rows there are in each step, and the loss of a model on them."""
        for batch in self.data.subset(rows).batches(batch_size):
            count = len(np.unique(batch.rows))
            yield count, partial(self._loss, batch, rows[batch.rows[:count]])

    def _loss(self, batch: Batch, rows: Array, call: torch.nn.Module) -> Tensor:
        alone = all(axis is None for axis in self.data.layout.axes.values())
        output = call(*to_tensors(batch.feeds, self.spec))[self.output]
        # A row that only fills up a request counts once.
        answers = _wide(output[None] if alone else output[: len(rows)])
        labels = self._labels(batch, len(rows))
        if self.answers is None:
            return self.loss(answers, Targets(None, labels))
        if _shapes(self.answers, rows) == {tuple(answers.shape[1:])}:
            return self.loss(answers, Targets(self._teacher(rows, answers), labels))
        # Rows that are filled up were filled up to another size when the teacher was asked.
        each = [slice(row, row + 1) for row in range(len(rows))]
        losses = [self._loss_of_row(answers[row], rows[row], None if labels is None else labels[row]) for row in each]
        return torch.stack(losses).mean()

    def _loss_of_row(self, answer: Tensor, row: Array, labels: Tensor | None) -> Tensor:
        """Where both have answered."""
        teacher = self._teacher(row, answer)
        sizes = [slice(min(both)) for both in zip(answer.shape, teacher.shape, strict=True)]
        if labels is not None and labels.ndim == answer.ndim - 1:
            axis = class_axis(answer.ndim)
            labels = labels[(*sizes[:axis], *sizes[axis + 1 :])]
        return self.loss(answer[tuple(sizes)], Targets(teacher[tuple(sizes)], labels))

    def _teacher(self, rows: Array, like: Tensor) -> Tensor:
        if self.answers is None:
            raise AssertionError("the original was asked about every row")
        return torch.from_numpy(self.answers.take(rows)).to(like.dtype)

    def _labels(self, batch: Batch, count: int) -> Tensor | None:
        if batch.labels is None:
            return None
        labels = batch.labels[:count]
        return torch.from_numpy(labels.astype(np.int64 if labels.dtype.kind in "biu" else np.float32))


def _wide(output: Tensor) -> Tensor:
    """Losses of half precision are too coarse to learn from."""
    return output.float() if output.dtype == torch.float16 else output


def _shapes(answers: Column, rows: Array) -> set[tuple[int, ...]]:
    shapes = answers.shapes()
    if shapes is None:
        return {answers.take(rows[:1]).shape[1:]}
    return {tuple(int(size) for size in shape) for shape in shapes[rows]}
