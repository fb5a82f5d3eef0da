"""What libraries written in C++ print past Python, whole graphs among it, would push out of a log what people need."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def without_output() -> Iterator[None]:
    """Send what is printed meanwhile nowhere, by whatever it is printed."""
    sys.stdout.flush()
    kept = os.dup(1)
    try:
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), 1)
            yield
    finally:
        # What Python has buffered meanwhile would be printed after all.
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)
