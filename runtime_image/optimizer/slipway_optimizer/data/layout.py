"""Where the rows are in each input of the model, and how many of them a request holds."""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from math import prod
from typing import Final

import numpy as np

from slipway_optimizer.spec import Input

LABELS: Final = "labels"
# What no metric and no loss counts: padding, and what nobody labelled. PyTorch's losses have the same default.
IGNORED_LABEL: Final = -100


@dataclass(frozen=True)
class RowLayout:
    """How rows become requests.

    The rows are the axis that comes first in some input, by its name; an input that has it elsewhere, such as the
    state of an LSTM in `[layers, batch, 64]`, gets its rows there. An input without it takes one value a request:
    rows share a request only where they agree on it. Where no first axis has a name, all first axes are rows.

    Attributes:
        inputs: the declared inputs.
        axes: for each input the axis of the rows, or None.
        fixed: how many rows each request must hold, where the model fixes that.
    """

    inputs: Sequence[Input]
    axes: dict[str, int | None]
    fixed: int | None

    def row_shape(self, tensor: Input) -> list[int | str]:
        """The declared shape of one row."""
        axis = self.axes[tensor.name]
        return [size for index, size in enumerate(tensor.shape) if index != axis]

    def has_labels(self, names: Container[str]) -> bool:
        """Whether one of these columns holds labels; an input may be called so, too."""
        return LABELS in names and all(tensor.name != LABELS for tensor in self.inputs)

    @property
    def least_row_bytes(self) -> int:
        """What a row takes at least, where every named dimension has one value."""
        return sum(prod(self._numbers(tensor)) * np.dtype(tensor.dtype).itemsize for tensor in self.inputs)

    def _numbers(self, tensor: Input) -> list[int]:
        return [size for size in self.row_shape(tensor) if isinstance(size, int)]


def row_layout(inputs: Sequence[Input]) -> RowLayout:
    """Find the rows; every model has some reading, if only of one row a request."""
    first = [tensor.shape[0] for tensor in inputs if tensor.shape]
    names = [size for size in first if isinstance(size, str)]
    if names:
        found = {tensor.name: list(tensor.shape).index(names[0]) for tensor in inputs if names[0] in tensor.shape}
        return RowLayout(inputs, {tensor.name: found.get(tensor.name) for tensor in inputs}, None)
    if len(set(first)) == 1:
        return RowLayout(inputs, {tensor.name: 0 if tensor.shape else None for tensor in inputs}, int(first[0]))
    return RowLayout(inputs, dict.fromkeys(tensor.name for tensor in inputs), 1)
