"""A store in a bucket: files first, under names of their own; the manifest last, and only if there is none.

Two publishers of one recipe thus never mix their files: whoever writes the manifest first has published.
"""

import hashlib
import secrets
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from slipway_contract.digest import CHUNK_BYTES, hex_of, sha256_of_bytes
from slipway_contract.manifest import MANIFEST_FILE, FileEntry, Manifest
from slipway_optimizer import reasons
from slipway_optimizer.credentials import STORE, Credentials
from slipway_optimizer.errors import InfrastructureError, JobError, UserError, first_line
from slipway_optimizer.sources.bucket_origin import open_bucket
from slipway_optimizer.sources.failures import is_denied, is_missing, is_transient
from slipway_optimizer.stores.bucket_collector import BucketCollector, written_at
from slipway_optimizer.stores.checkpoints import BucketCheckpoints, Checkpoints, sweep_bucket
from slipway_optimizer.stores.owners import OWNERS, marker_of
from slipway_optimizer.stores.stored import Stored, read_stored


class BucketStore:
    """Artifacts under `s3://BUCKET/PREFIX`, or a prefix in GCS or Azure."""

    def __init__(self, uri: str) -> None:
        self.uri = uri.rstrip("/")
        scheme, _, self._root = self.uri.partition("://")
        try:
            self._filesystem: Any = open_bucket(scheme, Credentials(STORE))
        except ValueError as error:
            message = f"What the Secret of {self.uri} holds cannot be used ({first_line(error)}): correct its keys."
            raise UserError(reasons.STORE_ACCESS_DENIED, message) from error
        self._opened = time.monotonic()

    def find(self, recipe_digest: str, owner: str | None = None) -> Stored | None:
        """The artifact of a recipe, if it is there and every digest holds; with an owner, it is marked as theirs."""
        with _explained(self.uri):
            stored = self._find(recipe_digest)
            if stored is None or owner is None:
                return stored
            if self._has_markers(recipe_digest):
                self._mark(recipe_digest, owner)
            # The artifact may have been collected since it was read; once it is marked it stays.
            manifest = self._read_manifest(recipe_digest)
        return stored if manifest is not None and sha256_of_bytes(manifest) == stored.digest else None

    def publish(self, recipe_digest: str, folder: Path, owner: str | None = None) -> Stored:
        """Upload a finished folder; an artifact that is there already wins."""
        with _explained(self.uri):
            may_be_marked = self._has_markers(recipe_digest) or self._read_manifest(recipe_digest) is None
            mine = owner if may_be_marked else None
            if mine is not None:
                self._mark(recipe_digest, mine)
            stored = self._publish(recipe_digest, folder)
            if mine is not None:
                # Once more: a collection of this owner's that began earlier may have taken the first for a stale one.
                self._mark(recipe_digest, mine)
        return stored

    def checkpoints(self, recipe_digest: str) -> Checkpoints:
        """What a Job of the recipe leaves for the one that goes on after it."""
        return BucketCheckpoints(self._filesystem, self._root, recipe_digest, lambda: _explained(self.uri))

    def collect(self, recipe_digest: str, owner: str, keep: Collection[str]) -> int:
        """Remove the owner's artifacts but this recipe's and the kept ones; returns how many were removed."""
        with _explained(self.uri):
            if not self._has_markers(recipe_digest):
                return 0  # and nothing tells the store's time
            now = written_at(self._filesystem.info(self._mark(recipe_digest, owner)))
            started = now - (time.monotonic() - self._opened)
            sweep_bucket(self._filesystem, self._root, now)
            collector = BucketCollector(self._filesystem, self._root, marker_of(owner), started)
            return collector.collect({hex_of(recipe) for recipe in (recipe_digest, *keep)})

    def _mark(self, recipe_digest: str, owner: str) -> str:
        path = f"{self._root}/{hex_of(recipe_digest)}/{OWNERS}/{marker_of(owner)}"
        self._filesystem.pipe_file(path, owner.encode())
        return path

    def _has_markers(self, recipe_digest: str) -> bool:
        return bool(self._filesystem.find(f"{self._root}/{hex_of(recipe_digest)}/{OWNERS}"))

    def _read_manifest(self, recipe_digest: str) -> bytes | None:
        try:
            return bytes(self._filesystem.cat_file(f"{self._root}/{hex_of(recipe_digest)}/{MANIFEST_FILE}"))
        except Exception as error:
            if is_missing(error):
                return None
            raise

    def _find(self, recipe_digest: str) -> Stored | None:
        folder = f"{self._root}/{hex_of(recipe_digest)}"
        manifest = self._read_manifest(recipe_digest)
        if manifest is None:
            return None
        return read_stored(manifest, recipe_digest, lambda entry: self._digest(f"{folder}/{entry.stored_as}"))

    def _publish(self, recipe_digest: str, folder: Path) -> Stored:
        target = f"{self._root}/{hex_of(recipe_digest)}"
        manifest = Manifest.model_validate_json((folder / MANIFEST_FILE).read_bytes())
        upload = secrets.token_hex(4)
        files = [entry.model_copy(update={"object_key": _object_name(entry, upload)}) for entry in manifest.files]
        body = manifest.model_copy(update={"files": files}).to_bytes()
        for entry in files:
            self._filesystem.put_file(str(folder / entry.path), f"{target}/{entry.stored_as}")
        first = self._create(f"{target}/{MANIFEST_FILE}", body)
        stored = self._find(recipe_digest)
        if stored is None:
            # What lies there is broken, or no manifest of ours: replace it.
            self._filesystem.pipe_file(f"{target}/{MANIFEST_FILE}", body)
            first, stored = True, self._find(recipe_digest)
        if stored is None:
            message = f"{self.uri} does not hold what was written there: check the object store."
            raise InfrastructureError(reasons.STORE_UNAVAILABLE, message)
        if stored.digest != sha256_of_bytes(body):
            self._discard(f"{target}/{entry.stored_as}" for entry in files)
        return Stored(stored.manifest, stored.digest, first=first)

    def _discard(self, paths: Iterator[str]) -> None:
        """Another publisher was first, and nothing refers to these: that they may not be deleted does no harm."""
        for path in paths:
            with suppress(FileNotFoundError, PermissionError):
                self._filesystem.rm_file(path)

    def _create(self, path: str, body: bytes) -> bool:
        try:
            self._filesystem.pipe_file(path, body, mode="create")
        except FileExistsError:
            return False
        return True

    def _digest(self, path: str) -> str | None:
        sha256 = hashlib.sha256()
        try:
            with self._filesystem.open(path, "rb", block_size=8 * CHUNK_BYTES, cache_type="readahead") as file:
                while chunk := file.read(CHUNK_BYTES):
                    sha256.update(chunk)
        except Exception as error:
            if is_missing(error):
                return None
            raise
        return "sha256:" + sha256.hexdigest()


def _object_name(entry: FileEntry, upload: str) -> str:
    return f"{hex_of(entry.sha256)[:16]}-{upload}/{entry.path}"


@contextmanager
def _explained(uri: str) -> Iterator[None]:
    try:
        yield
    except JobError:
        raise
    except Exception as error:
        failure = _failure(error, uri)
        if failure is None:
            raise
        raise failure from error


def _failure(error: Exception, uri: str) -> JobError | None:
    if is_missing(error):
        return UserError(
            reasons.STORE_ACCESS_DENIED, f"The bucket of {uri} does not exist: create it, or correct spec.store."
        )
    if is_denied(error):
        message = f"The store {uri} may not be used ({first_line(error)}): check the credentials in its Secret."
        return UserError(reasons.STORE_ACCESS_DENIED, message)
    if is_transient(error):
        message = f"The store {uri} does not answer: {type(error).__name__}: {first_line(error)}."
        return InfrastructureError(reasons.STORE_UNAVAILABLE, message)
    return None
