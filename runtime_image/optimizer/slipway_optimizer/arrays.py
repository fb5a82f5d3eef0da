"""Tensors as they pass between the frameworks: NumPy arrays, by input name or in output order."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from slipway_optimizer.spec import Input

Array = np.ndarray[Any, np.dtype[Any]]
Feeds = dict[str, Array]
Axes = Mapping[str, int]


def shape_at(tensor: Input, axes: Axes) -> tuple[int, ...]:
    """A declared shape with a size for each dynamic axis."""
    return tuple(axes[size] if isinstance(size, str) else size for size in tensor.shape)
