"""A store on a file system: written under a temporary name, synced, then renamed."""

import errno
import os
import shutil
import tempfile
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from slipway_contract.digest import hex_of, sha256_of_file
from slipway_contract.manifest import MANIFEST_FILE
from slipway_optimizer import reasons
from slipway_optimizer.errors import InfrastructureError, UserError
from slipway_optimizer.stores.checkpoints import Checkpoints, DirectoryCheckpoints, sweep_directory
from slipway_optimizer.stores.directory_collector import REMOVED, collect, has_markers, mark, markers
from slipway_optimizer.stores.owners import OWNERS, marker_of
from slipway_optimizer.stores.renames import rename
from slipway_optimizer.stores.stored import Stored, read_stored

TEMPORARY_PREFIX = ".publishing-"
ABANDONED_AFTER_SECONDS = 24 * 3600
DENIED: Final = {errno.EACCES, errno.EPERM, errno.EROFS}
# Of volumes on a network, and of broken disks.
UNAVAILABLE: Final = {errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.ENOTCONN, errno.EHOSTDOWN}


class DirectoryStore:
    """Artifacts under one directory, such as a PersistentVolumeClaim's mount."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._opened = time.monotonic()

    def find(self, recipe_digest: str, owner: str | None = None) -> Stored | None:
        """The artifact of a recipe, if it is there and every digest holds; with an owner, it is marked as theirs."""
        folder = self._root / hex_of(recipe_digest)
        with _explained(self._root):
            stored = _read(folder, recipe_digest)
            if stored is None or owner is None:
                return stored
            # The artifact may have been collected since it was read; once it is marked it stays.
            marked = mark(folder, marker_of(owner))
            is_there = _digest(folder / MANIFEST_FILE) == stored.digest and (marked or not has_markers(folder))
        return stored if is_there else None

    def publish(self, recipe_digest: str, folder: Path, owner: str | None = None) -> Stored:
        """Copy a finished folder beside its place, sync it, and rename it; an artifact that is there already wins."""
        target = self._root / hex_of(recipe_digest)
        with _explained(self._root):
            renamed = self._put_in_place(target, recipe_digest, folder, owner)
            _sync(self._root)
        stored = self.find(recipe_digest, owner)
        if stored is None:
            message = f"{target} does not hold what was written there: check the volume."
            raise InfrastructureError(reasons.STORE_UNAVAILABLE, message)
        return Stored(stored.manifest, stored.digest, first=renamed)

    def collect(self, recipe_digest: str, owner: str, keep: Collection[str]) -> int:
        """Remove the owner's artifacts but this recipe's and the kept ones; returns how many were removed."""
        folder, mine = self._root / hex_of(recipe_digest), marker_of(owner)
        if not mark(folder, mine):
            return 0  # and nothing tells the time of this file system
        started = markers(folder)[mine] - (time.monotonic() - self._opened)
        return collect(self._root, mine, {hex_of(recipe) for recipe in (recipe_digest, *keep)}, started)

    def checkpoints(self, recipe_digest: str) -> Checkpoints:
        """What a Job of the recipe leaves for the one that goes on after it."""
        return DirectoryCheckpoints(self._root, recipe_digest)

    def _put_in_place(self, target: Path, recipe_digest: str, folder: Path, owner: str | None) -> bool:
        self._root.mkdir(parents=True, exist_ok=True)
        self._sweep()
        temporary = Path(tempfile.mkdtemp(prefix=f"{TEMPORARY_PREFIX}{target.name[:10]}-", dir=self._root))
        try:
            _copy_synced(folder, temporary)
            if owner is not None:
                (temporary / OWNERS).mkdir()
                mark(temporary, marker_of(owner))
            renamed = rename(temporary, target)
            if not renamed and self.find(recipe_digest, owner) is None:
                _set_aside(target, temporary)
                renamed = rename(temporary / "new", target)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        return renamed

    def _sweep(self) -> None:
        """Remove what publishers left that were killed long ago, and Jobs that nobody went on with."""
        sweep_directory(self._root)
        for folder in (*self._root.glob(f"{TEMPORARY_PREFIX}*"), *self._root.glob(f"{REMOVED}*")):
            # A publisher beside us may be done with its own meanwhile.
            with suppress(FileNotFoundError):
                if time.time() - folder.stat().st_mtime > ABANDONED_AFTER_SECONDS:
                    shutil.rmtree(folder, ignore_errors=True)


def _read(folder: Path, recipe_digest: str) -> Stored | None:
    try:
        manifest = (folder / MANIFEST_FILE).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None

    return read_stored(manifest, recipe_digest, lambda entry: _digest(folder / entry.path))


def _digest(path: Path) -> str | None:
    try:
        return sha256_of_file(path)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None


def _copy_synced(source: Path, target: Path) -> None:
    for path in sorted(source.rglob("*")):
        copy = target / path.relative_to(source)
        if path.is_dir():
            copy.mkdir()
            continue
        shutil.copyfile(path, copy)
        _sync(copy)
    # mkdtemp is private to this user, and serving pods may run as another.
    target.chmod(0o755)
    _sync(target)


def _set_aside(broken: Path, temporary: Path) -> None:
    """Move a broken artifact out of the way, into the folder that is about to be removed; its owners stay owners."""
    contents = list(temporary.iterdir())
    new = temporary / "new"
    new.mkdir()
    for path in contents:
        path.rename(new / path.name)
    new.chmod(0o755)
    aside = temporary / "broken"
    if not rename(broken, aside):
        return
    if not has_markers(aside):
        shutil.rmtree(new / OWNERS, ignore_errors=True)
    for marker in markers(aside):
        mark(new, marker)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _explained(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in DENIED:
            message = f"The store {root} may not be written ({error.strerror}): check the volume's owner and mode."
            raise UserError(reasons.STORE_ACCESS_DENIED, message) from error
        if error.errno in UNAVAILABLE:
            message = f"The store {root} cannot be used ({error.strerror}): check the volume."
            raise InfrastructureError(reasons.STORE_UNAVAILABLE, message) from error
        raise
