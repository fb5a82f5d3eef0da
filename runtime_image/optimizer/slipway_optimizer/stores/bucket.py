"""A store in a bucket: files first, under names that hold their digest; the manifest last, and only if there is none.

Two publishers of one recipe thus never mix their files: whoever writes the manifest first has published.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from slipway_contract.digest import CHUNK_BYTES, hex_of
from slipway_contract.manifest import MANIFEST_FILE, FileEntry, Manifest
from slipway_optimizer import reasons
from slipway_optimizer.credentials import STORE, Credentials
from slipway_optimizer.errors import InfrastructureError, JobError, UserError, first_line
from slipway_optimizer.sources.bucket_origin import open_bucket
from slipway_optimizer.sources.failures import is_denied, is_missing, is_transient
from slipway_optimizer.stores.stored import Stored, read_stored


class BucketStore:
    """Artifacts under `s3://BUCKET/PREFIX`."""

    def __init__(self, uri: str) -> None:
        self.uri = uri.rstrip("/")
        scheme, _, self._root = self.uri.partition("://")
        self._filesystem: Any = open_bucket(scheme, Credentials(STORE))

    def find(self, recipe_digest: str) -> Stored | None:
        """The artifact of a recipe, if it is there and every digest holds."""
        with _explained(self.uri):
            return self._find(recipe_digest)

    def publish(self, recipe_digest: str, folder: Path) -> Stored:
        """Upload a finished folder; an artifact that is there already wins."""
        with _explained(self.uri):
            return self._publish(recipe_digest, folder)

    def _find(self, recipe_digest: str) -> Stored | None:
        folder = f"{self._root}/{hex_of(recipe_digest)}"
        try:
            manifest = self._filesystem.cat_file(f"{folder}/{MANIFEST_FILE}")
        except Exception as error:
            if is_missing(error):
                return None
            raise
        return read_stored(manifest, recipe_digest, lambda entry: self._digest(f"{folder}/{entry.stored_as}"))

    def _publish(self, recipe_digest: str, folder: Path) -> Stored:
        target = f"{self._root}/{hex_of(recipe_digest)}"
        manifest = Manifest.model_validate_json((folder / MANIFEST_FILE).read_bytes())
        files = [entry.model_copy(update={"object_key": _object_name(entry)}) for entry in manifest.files]
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
        return Stored(stored.manifest, stored.digest, first=first)

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


def _object_name(entry: FileEntry) -> str:
    return f"{hex_of(entry.sha256)[:16]}/{entry.path}"


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
