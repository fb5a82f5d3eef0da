"""Pages of a mapped checkpoint, given back to the kernel while nobody reads them; the file brings them back.

A container's memory counts them, and ONNX Runtime's copy of the weights needs the room.
"""

import ctypes
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

# Below this there is room for both, and reading the file again would cost more than the pages.
WORTH_BYTES: Final = 1 << 30
# Linux 5.4. Unlike MADV_DONTNEED it loses nothing that was written to a private mapping.
PAGE_OUT: Final = 21
MAPS: Final = Path("/proc/self/maps")


def is_worth_it(source: Path) -> bool:
    """Whether the files of a source are so large that their pages matter."""
    files = source.rglob("*") if source.is_dir() else [source]
    return sum(path.stat().st_size for path in files if path.is_file()) >= WORTH_BYTES


def give_back(source: Path) -> None:
    """Let the kernel have the pages of a source's mapped files; where it has no such call, nothing happens."""
    if not sys.platform.startswith("linux") or not is_worth_it(source):
        return
    advise = ctypes.CDLL(None, use_errno=True).madvise
    advise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    for start, end in mappings_of(source, MAPS.read_text().splitlines()):
        advise(start, end - start, PAGE_OUT)


def mappings_of(source: Path, lines: Iterable[str]) -> list[tuple[int, int]]:
    """Addresses of what is mapped from a file, or from the files of a folder, by the lines of `/proc/PID/maps`."""
    found = []
    for line in lines:
        addresses, _, _, _, _, *name = line.split(maxsplit=5)
        if name and (path := Path(name[0])).is_absolute() and path.is_relative_to(source.resolve()):
            start, end = (int(address, 16) for address in addresses.split("-"))
            found.append((start, end))
    return found
