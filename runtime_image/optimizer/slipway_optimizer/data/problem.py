"""What is wrong with the user's data, before anybody says which data it is."""

import errno
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from slipway_optimizer.errors import first_line

NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
# What zipfile and the decompressors raise for archives that are cut or made up.
BROKEN_ZIP: Final = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    NotImplementedError,
    OverflowError,
    RuntimeError,
    ValueError,
)


class DataProblemError(Exception):
    """Half a sentence, without a full stop, that names the column, the row or the file."""


@contextmanager
def broken_is(said: str, broken: tuple[type[Exception], ...], advice: str = "") -> Iterator[None]:
    """Turn what a library raises for a broken file into half a sentence; no room on disk is no fault of the file."""
    try:
        yield
    except OSError as error:
        if error.errno in NO_ROOM:
            raise
        raise DataProblemError(f"{said} ({first_line(error)}){advice}") from error
    except broken as error:
        raise DataProblemError(f"{said} ({first_line(error)}){advice}") from error
