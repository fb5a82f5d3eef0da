"""Scratch space of a data set: files without a name, whose space is free again as soon as nobody reads them."""

import os
import tempfile
from collections.abc import Iterable
from math import prod
from pathlib import Path
from typing import IO

import numpy as np

from slipway_optimizer.arrays import Array
from slipway_optimizer.sources.space import require_space


def spool() -> IO[bytes]:
    """A file in TMPDIR that goes away by itself."""
    return tempfile.TemporaryFile()


def require_room(what: str, size: int) -> None:
    """Refuse what would not fit; `size` is in bytes.

    Raises:
        InfrastructureError: says how much room there is, and how much is needed.
    """
    require_space(what, Path(tempfile.gettempdir()), size)


def mapped(
    file: IO[bytes], dtype: np.dtype[np.generic], shape: Iterable[int], *, offset: int = 0, order: str = "C"
) -> Array:
    """The values in a file, paged in as they are used; the file may be closed.

    Raises:
        ValueError: the file is shorter than the shape.
    """
    file.flush()
    size = tuple(shape)
    # NumPy counts in 64 bits, and a header may say anything.
    if min(size, default=0) < 0 or offset + prod(size) * dtype.itemsize > os.fstat(file.fileno()).st_size:
        raise ValueError(f"a shape of {list(size)} for fewer values")
    if 0 in size:
        return np.empty(size, dtype)
    return np.memmap(file, dtype=dtype, mode="r", offset=offset, shape=size, order="F" if order == "F" else "C")
