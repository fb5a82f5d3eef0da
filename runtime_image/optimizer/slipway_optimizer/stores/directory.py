"""A store on a file system: written under a temporary name, synced, then renamed."""

import errno
import os
import shutil
import tempfile
import time
from pathlib import Path

from slipway_contract.digest import hex_of, sha256_of_file
from slipway_contract.manifest import MANIFEST_FILE, FileEntry
from slipway_optimizer import reasons
from slipway_optimizer.errors import InfrastructureError, UserError
from slipway_optimizer.stores.stored import Stored, read_stored

TEMPORARY_PREFIX = ".publishing-"
ABANDONED_AFTER_SECONDS = 24 * 3600


class DirectoryStore:
    """Artifacts under one directory, such as a PersistentVolumeClaim's mount."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def find(self, recipe_digest: str) -> Stored | None:
        """The artifact of a recipe, if it is there and every digest holds."""
        folder = self._root / hex_of(recipe_digest)
        try:
            manifest = (folder / MANIFEST_FILE).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except PermissionError as error:
            raise _denied(self._root) from error

        def digest_of(entry: FileEntry) -> str | None:
            path = folder / entry.path
            return sha256_of_file(path) if path.is_file() else None

        return read_stored(manifest, recipe_digest, digest_of)

    def publish(self, recipe_digest: str, folder: Path) -> Stored:
        """Copy a finished folder beside its place, sync it, and rename it; an artifact that is there already wins."""
        target = self._root / hex_of(recipe_digest)
        try:
            self._root.mkdir(parents=True, exist_ok=True)
            self._sweep()
            temporary = Path(tempfile.mkdtemp(prefix=f"{TEMPORARY_PREFIX}{target.name[:10]}-", dir=self._root))
        except PermissionError as error:
            raise _denied(self._root) from error
        try:
            _copy_synced(folder, temporary)
            renamed = _rename(temporary, target)
            if not renamed and self.find(recipe_digest) is None:
                _set_aside(target, temporary)
                renamed = _rename(temporary / "new", target)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        _sync(self._root)
        stored = self.find(recipe_digest)
        if stored is None:
            message = f"{target} does not hold what was written there: check the volume."
            raise InfrastructureError(reasons.STORE_UNAVAILABLE, message)
        return Stored(stored.manifest, stored.digest, first=renamed)

    def _sweep(self) -> None:
        """Remove what publishers left that were killed long ago."""
        for folder in self._root.glob(f"{TEMPORARY_PREFIX}*"):
            if time.time() - folder.stat().st_mtime > ABANDONED_AFTER_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)


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


def _rename(source: Path, target: Path) -> bool:
    """Whether the rename took place; a directory that is not empty is never replaced."""
    try:
        source.rename(target)
    except OSError as error:
        if error.errno in {errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR}:
            return False
        raise
    return True


def _set_aside(broken: Path, temporary: Path) -> None:
    """Move a broken artifact out of the way, into the folder that is about to be removed."""
    contents = list(temporary.iterdir())
    new = temporary / "new"
    new.mkdir()
    for path in contents:
        path.rename(new / path.name)
    new.chmod(0o755)
    broken.rename(temporary / "broken")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _denied(root: Path) -> UserError:
    return UserError(
        reasons.STORE_ACCESS_DENIED, f"The store {root} may not be written: check the volume's owner and mode."
    )
