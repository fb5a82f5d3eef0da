"""Removes old artifacts from a bucket: the manifest first, then another look at the markers, then the files.

Without its manifest an artifact is not there. Whoever claims one writes a marker first and looks for the manifest then:
either the marker is seen here, and the manifest is put back, or the claim finds no artifact. Names of files are never
used twice, so that what is deleted is never somebody's new upload.
"""

import re
from collections.abc import Collection
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

from pydantic import ValidationError

from slipway_contract.manifest import MANIFEST_FILE, Manifest
from slipway_optimizer.stores.owners import OWNERS, is_stale, is_unclaimed

FOLDER: Final = re.compile(r"[0-9a-f]{64}")
# An upload that no manifest names may be under way.
ABANDONED_AFTER_SECONDS: Final = 24 * 3600


class BucketCollector:
    """One collection on behalf of one owner."""

    def __init__(self, filesystem: Any, root: str, mine: str, started: float) -> None:
        self._filesystem, self._root = filesystem, root
        self._mine, self._started = mine, started

    def collect(self, kept: Collection[str]) -> int:
        """Give up the owner's claim to all artifacts but the kept ones; returns how many were removed."""
        names = [path.rstrip("/").rsplit("/", 1)[-1] for path in self._filesystem.ls(self._root, detail=False)]
        return sum(self._collect_one(name) for name in sorted(names) if FOLDER.fullmatch(name) and name not in kept)

    def _collect_one(self, name: str) -> bool:
        folder = f"{self._root}/{name}"
        found = self._markers(folder)
        if not is_stale(found, self._mine, self._started):
            return False
        if set(found) != {self._mine}:
            self._delete(f"{folder}/{OWNERS}/{self._mine}")
            # The other owner may have given up at the same moment, and each have seen the other's marker.
            if self._markers(folder):
                return False
        return self._remove(folder)

    def _remove(self, folder: str) -> bool:
        before = self._filesystem.find(folder, detail=True)
        manifest = self._manifest(folder)
        if manifest is not None:
            self._delete(f"{folder}/{MANIFEST_FILE}")
            if not is_unclaimed(self._markers(folder), self._mine, self._started):
                with suppress(FileExistsError):
                    self._filesystem.pipe_file(f"{folder}/{MANIFEST_FILE}", manifest, mode="create")
                return False
        kept = self._delete_files(folder, before, _files_of(manifest))
        # The marker goes last: as long as anything is left, the next collection finds it again.
        if not kept:
            self._delete(f"{folder}/{OWNERS}/{self._mine}")
        return manifest is not None

    def _delete_files(self, folder: str, before: dict[str, dict[str, Any]], known: set[str]) -> list[str]:
        """Delete a removed artifact's files and what is old; returns what is left beside markers and manifest."""
        left = []
        for path, info in before.items():
            name = path.removeprefix(f"{folder}/")
            if name == MANIFEST_FILE or name.startswith(f"{OWNERS}/"):
                continue
            if name in known or written_at(info) < self._started - ABANDONED_AFTER_SECONDS:
                self._delete(path)
            else:
                left.append(path)
        return left

    def _markers(self, folder: str) -> dict[str, float]:
        found = self._filesystem.find(f"{folder}/{OWNERS}", detail=True)
        return {path.rsplit("/", 1)[-1]: written_at(info) for path, info in found.items()}

    def _manifest(self, folder: str) -> bytes | None:
        with suppress(FileNotFoundError):
            return bytes(self._filesystem.cat_file(f"{folder}/{MANIFEST_FILE}"))
        return None

    def _delete(self, path: str) -> None:
        with suppress(FileNotFoundError):
            self._filesystem.rm_file(path)


def written_at(info: dict[str, Any]) -> float:
    """When an object was written, in seconds by the store's clock; its drivers have three names for that."""
    value = next(info[key] for key in ("LastModified", "mtime", "last_modified") if info.get(key))
    when = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return when.replace(tzinfo=when.tzinfo or UTC).timestamp()


def _files_of(manifest: bytes | None) -> set[str]:
    try:
        return {entry.stored_as for entry in Manifest.model_validate_json(manifest or b"").files}
    except ValidationError:
        return set()
