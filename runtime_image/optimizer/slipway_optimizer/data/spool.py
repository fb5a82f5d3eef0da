"""Scratch space of a data set: files without a name, whose space is free again as soon as nobody reads them."""

import tempfile
from collections.abc import Iterable
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
    """The values in a file, paged in as they are used; the file may be closed."""
    file.flush()
    size = tuple(shape)
    if 0 in size:
        return np.empty(size, dtype)
    return np.memmap(file, dtype=dtype, mode="r", offset=offset, shape=size, order="F" if order == "F" else "C")
