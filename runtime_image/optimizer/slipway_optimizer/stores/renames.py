"""Renaming a file or folder, where somebody else may be doing the same."""

import errno
from pathlib import Path
from typing import Final

LOST_THE_RACE: Final = {errno.ENOENT, errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR}


def rename(source: Path, target: Path) -> bool:
    """Whether the rename took place: the source may be gone, and a folder that is not empty is never replaced."""
    try:
        source.rename(target)
    except OSError as error:
        if error.errno in LOST_THE_RACE:
            return False
        raise
    return True
