"""Checkpoints of a Job that is not done: beside the artifacts, under names that no reader of artifacts looks at.

Each is replaced as a whole, so that a Job that is stopped while it writes leaves the one before. Publishing the
recipe's artifact removes them; those that nobody came back to are removed by whoever publishes next.
"""

import os
import secrets
import shutil
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any, Final, Protocol

from slipway_contract.digest import hex_of
from slipway_optimizer.sources.failures import is_missing
from slipway_optimizer.stores.bucket_collector import written_at

SUFFIX: Final = ".checkpoint"
TEMPORARY: Final = ".writing"
ABANDONED_AFTER_SECONDS: Final = 7 * 24 * 3600
# A file that is being written was changed a moment ago.
HALF_WRITTEN_AFTER_SECONDS: Final = 3600


class Checkpoints(Protocol):
    """Files of one recipe, by name."""

    def read(self, name: str, target: Path) -> bool:
        """Copy a checkpoint to a local file; False where there is none."""

    def write(self, name: str, source: Path) -> None:
        """Replace a checkpoint by a local file."""

    def clear(self) -> None:
        """Remove all of the recipe's checkpoints."""


class NoCheckpoints:
    """For a Job that cannot be resumed."""

    def read(self, name: str, target: Path) -> bool:
        del name, target
        return False

    def write(self, name: str, source: Path) -> None:
        """Keep nothing."""

    def clear(self) -> None:
        """Nothing was kept."""


class DirectoryCheckpoints:
    """In `ROOT/<recipe hex>.checkpoint/`."""

    def __init__(self, root: Path, recipe_digest: str) -> None:
        self._folder = root / f"{hex_of(recipe_digest)}{SUFFIX}"

    def read(self, name: str, target: Path) -> bool:
        try:
            shutil.copyfile(self._folder / name, target)
        except FileNotFoundError:
            return False
        return True

    def write(self, name: str, source: Path) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._sweep()
        # Two Jobs may be at the same recipe, in a store that two ModelDeployments share.
        temporary = self._folder / f"{name}-{secrets.token_hex(4)}{TEMPORARY}"
        try:
            with source.open("rb") as read, temporary.open("xb") as written:
                shutil.copyfileobj(read, written)
                written.flush()
                os.fsync(written.fileno())
            temporary.replace(self._folder / name)
        finally:
            temporary.unlink(missing_ok=True)

    def clear(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def _sweep(self) -> None:
        """Remove what Jobs left half written that were killed."""
        for file in self._folder.glob(f"*{TEMPORARY}"):
            with suppress(FileNotFoundError):
                if time.time() - file.stat().st_mtime > HALF_WRITTEN_AFTER_SECONDS:
                    file.unlink()


class BucketCheckpoints:
    """Under `ROOT/<recipe hex>.checkpoint/`; a bucket replaces an object as a whole by itself.

    Args:
        filesystem: the bucket's.
        root: of the store.
        recipe_digest: whose checkpoints these are.
        explained: a context in which errors of the bucket become a Job's.
    """

    def __init__(
        self, filesystem: Any, root: str, recipe_digest: str, explained: Callable[[], AbstractContextManager[None]]
    ) -> None:
        self._filesystem, self._explained = filesystem, explained
        self._prefix = f"{root}/{hex_of(recipe_digest)}{SUFFIX}"

    def read(self, name: str, target: Path) -> bool:
        with self._explained():
            try:
                self._filesystem.get_file(f"{self._prefix}/{name}", str(target))
            except Exception as error:
                if is_missing(error):
                    return False
                raise
        return True

    def write(self, name: str, source: Path) -> None:
        with self._explained():
            self._filesystem.put_file(str(source), f"{self._prefix}/{name}")

    def clear(self) -> None:
        with self._explained():
            for path in self._filesystem.find(self._prefix):
                self._filesystem.rm_file(path)


def sweep_directory(root: Path) -> None:
    """Remove checkpoints that nobody has written to for long."""
    for folder in root.glob(f"*{SUFFIX}"):
        with suppress(FileNotFoundError):
            newest = max((file.stat().st_mtime for file in folder.iterdir()), default=folder.stat().st_mtime)
            if time.time() - newest > ABANDONED_AFTER_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)


def sweep_bucket(filesystem: Any, root: str, now: float) -> None:
    """Remove checkpoints that nobody has written to for long, by the store's clock."""
    for folder in filesystem.ls(root, detail=False):
        if not folder.rstrip("/").endswith(SUFFIX):
            continue
        for path, info in filesystem.find(folder, detail=True).items():
            if now - written_at(info) > ABANDONED_AFTER_SECONDS:
                filesystem.rm_file(path)
