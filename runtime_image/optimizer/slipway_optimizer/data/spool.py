"""Scratch space of a data set: files without a name, whose space is free again as soon as nobody reads them."""

import tempfile
from collections.abc import Iterable
from typing import IO

import numpy as np

from slipway_optimizer.arrays import Array


def spool() -> IO[bytes]:
    """A file in TMPDIR that goes away by itself."""
    return tempfile.TemporaryFile()


def mapped(
    file: IO[bytes], dtype: np.dtype[np.generic], shape: Iterable[int], *, offset: int = 0, order: str = "C"
) -> Array:
    """The values in a file, paged in as they are used; the file may be closed."""
    file.flush()
    size = tuple(shape)
    if 0 in size:
        return np.empty(size, dtype)
    return np.memmap(file, dtype=dtype, mode="r", offset=offset, shape=size, order="F" if order == "F" else "C")
