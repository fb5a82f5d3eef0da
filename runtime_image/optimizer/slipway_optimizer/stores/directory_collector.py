"""Removes old artifacts from a directory: each is moved out of sight, looked at once more, and then deleted."""

import re
import shutil
import tempfile
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Final

from slipway_optimizer.stores.owners import OWNERS, is_stale, is_unclaimed
from slipway_optimizer.stores.renames import rename

FOLDER: Final = re.compile(r"[0-9a-f]{64}")
REMOVING: Final = ".removing-"
REMOVED: Final = ".removed-"
# Between moving an artifact out of sight and deciding about it a collector needs no time, unless it was killed.
UNDECIDED_AFTER_SECONDS: Final = 600


def mark(folder: Path, marker: str) -> bool:
    """Write an owner's marker, or renew it; False where the artifact has no markers, or is not there any more."""
    try:
        (folder / OWNERS / marker).touch()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def has_markers(folder: Path) -> bool:
    """Whether an artifact may be removed some day."""
    return (folder / OWNERS).is_dir()


def markers(folder: Path) -> dict[str, float]:
    """Each owner's marker in an artifact, and when it was written, by the clock of the file system."""
    found = {}
    with suppress(FileNotFoundError, NotADirectoryError):
        for path in (folder / OWNERS).iterdir():
            with suppress(FileNotFoundError):
                found[path.name] = path.stat().st_mtime
    return found


def collect(root: Path, mine: str, kept: Collection[str], started: float) -> int:
    """Give up an owner's claim to all artifacts but the kept ones; what nobody claims any more is removed.

    Args:
        root: the store.
        mine: the owner's marker.
        kept: names of artifacts' folders.
        started: when this Job began, by the clock of the file system.

    Returns:
        How many artifacts were removed.
    """
    _restore_undecided(root)
    folders = [folder for folder in sorted(root.iterdir()) if FOLDER.fullmatch(folder.name)]
    return sum(_collect_one(folder, mine, started) for folder in folders if folder.name not in kept)


def _collect_one(folder: Path, mine: str, started: float) -> bool:
    found = markers(folder)
    if not is_stale(found, mine, started):
        return False
    if set(found) != {mine}:
        _give_up(folder / OWNERS / mine, started)
        # The other owner may have given up at the same moment, and each have seen the other's marker.
        if markers(folder):
            return False
    return _remove(folder, mine, started)


def _remove(folder: Path, mine: str, started: float) -> bool:
    """Whoever claims the artifact writes a marker first, and is seen here, or comes later, and finds no artifact."""
    hidden = _hide(folder, REMOVING)
    if hidden is None:
        return False
    if not is_unclaimed(markers(hidden), mine, started) and rename(hidden, folder):
        return False
    _delete(hidden)
    return True


def _give_up(marker: Path, started: float) -> None:
    """Remove a marker, unless it was renewed meanwhile."""
    aside = marker.parent.with_name(f".{marker.name}")
    if not rename(marker, aside):
        return
    if is_stale({marker.name: aside.stat().st_mtime}, marker.name, started):
        aside.unlink()
    else:
        rename(aside, marker)


def _restore_undecided(root: Path) -> None:
    """Put back what a collector that was killed had moved out of sight: it may be in use."""
    for hidden in root.glob(f"{REMOVING}*"):
        name = hidden.name.removeprefix(REMOVING).partition("-")[0]
        # Its own collector may be done with it meanwhile.
        with suppress(FileNotFoundError):
            # A rename changes the time of the inode only.
            age = time.time() - hidden.stat().st_ctime
            if age > UNDECIDED_AFTER_SECONDS and not rename(hidden, root / name):
                _delete(hidden)


def _delete(hidden: Path) -> None:
    # A new name first: half an artifact must never be taken for one that may be put back.
    shutil.rmtree(_hide(hidden, REMOVED) or hidden, ignore_errors=True)


def _hide(folder: Path, prefix: str) -> Path | None:
    """Rename an artifact to a name of its own; None if it is not there any more."""
    name = folder.name.removeprefix(REMOVING).partition("-")[0]
    hidden = Path(tempfile.mkdtemp(prefix=f"{prefix}{name}-", dir=folder.parent))
    if rename(folder, hidden):
        return hidden
    hidden.rmdir()
    return None
