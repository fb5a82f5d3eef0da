"""Requests to try a model with: random, repeatable, and within what the model's lookup tables allow."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from slipway_optimizer.arrays import Array, Axes, Feeds, shape_at
from slipway_optimizer.spec import Input

# Without a lookup table in sight, an integer input gets values below this: counts, flags and bytes all allow it.
DEFAULT_BOUND = 2
BYTE_BOUND = 256
SMALL_INTEGER_BOUND = 128


@dataclass(frozen=True)
class Sampler:
    """Draws requests. `bounds` says, for each integer input, below which number its values stay."""

    inputs: Sequence[Input]
    bounds: dict[str, int]

    def draw(self, axes: Axes, seed: int) -> Feeds:
        """The request number `seed` at these sizes: the same on every machine."""
        generator = np.random.default_rng(seed)
        return {tensor.name: self._one(tensor, shape_at(tensor, axes), generator) for tensor in self.inputs}

    def _one(self, tensor: Input, shape: tuple[int, ...], generator: np.random.Generator) -> Array:
        if tensor.dtype.startswith("float"):
            return np.array(generator.standard_normal(shape), tensor.dtype)
        bound = self.bounds.get(tensor.name, 2)
        values = np.array(generator.integers(0, bound, size=shape), tensor.dtype)
        if is_mask(tensor) and values.ndim:
            _keep_something(values, tensor)
        return values

    def describe(self) -> str:
        """What the values of the integer inputs were, for people who read the progress."""
        return ", ".join(f"{name} in [0, {bound})" for name, bound in self.bounds.items())


def is_mask(tensor: Input) -> bool:
    return "mask" in tensor.name.lower()


def _keep_something(values: Array, tensor: Input) -> None:
    """A row that masks everything has no defined answer: its first place stays, and another is masked if there is one.

    PyTorch's padding masks say True where something is padding, all other masks say 1 where something counts.
    """
    counts = "pad" not in tensor.name.lower()
    values[..., -1] = not counts
    values[..., 0] = counts


def cautious_bounds(inputs: Sequence[Input]) -> dict[str, int]:
    """For each integer input, values that are valid for about any model."""
    return {tensor.name: _bound_without_tables(tensor) for tensor in inputs if "int" in tensor.dtype}


def find_bounds(
    inputs: Sequence[Input], tables: Sequence[int], accepts: Callable[[Feeds], bool], axes: Axes
) -> dict[str, int]:
    """For each integer input, the size of the largest lookup table whose last row it may name.

    Args:
        inputs: the declared inputs.
        tables: rows of each lookup table in the model.
        accepts: runs the model on a request and says whether it went through.
        axes: the sizes to try it at.
    """
    bounds = cautious_bounds(inputs)
    zeros = {tensor.name: np.zeros(shape_at(tensor, axes), tensor.dtype) for tensor in inputs}
    for tensor in inputs:
        if tensor.name not in bounds or is_mask(tensor):
            continue
        for rows in sorted(set(tables), reverse=True):
            if rows - 1 > np.iinfo(tensor.dtype).max:
                continue
            if accepts({**zeros, tensor.name: np.full_like(zeros[tensor.name], rows - 1)}):
                bounds[tensor.name] = rows
                break
    return bounds


def _bound_without_tables(tensor: Input) -> int:
    if is_mask(tensor):
        return 2
    return {"uint8": BYTE_BOUND, "int8": SMALL_INTEGER_BOUND}.get(tensor.dtype, DEFAULT_BOUND)
