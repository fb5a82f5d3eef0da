"""`s3://`, `gs://` and `az://` through their fsspec drivers: an object, or all objects below a prefix."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import fsspec

from slipway_contract.source_ids import fixed_id
from slipway_optimizer import reasons
from slipway_optimizer.credentials import Credentials, azure_options, gcs_options, s3_options
from slipway_optimizer.errors import UserError
from slipway_optimizer.sources.failures import status_of
from slipway_optimizer.sources.origin import CHUNK_BYTES, ChangedError, Entry, Look, Stream, etag_id, listing_hash
from slipway_optimizer.sources.uri import VERSION, SourceUri

READ_AHEAD_BYTES: Final = 4 << 20
# What S3 says of an id that it never gave out, and of the version that marks a deletion.
NO_VERSION: Final = {400, 405}


def open_bucket(scheme: str, credentials: Credentials, *, with_versions: bool = False) -> Any:
    """The filesystem of a bucket's scheme, which remembers nothing of what it saw.

    With versions, S3's and GCS's take one as part of a path; S3 asks for a right more to read it.
    """
    options: dict[str, Any] = {"s3": s3_options, "gs": gcs_options, "az": azure_options}[scheme](credentials)
    if scheme != "az":
        options["version_aware"] = with_versions
    # GCS's driver would ask by gRPC for the kind of each bucket first, which only Google's own servers answer.
    os.environ.setdefault("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
    return fsspec.filesystem(scheme, skip_instance_cache=True, use_listings_cache=False, **options)


class BucketOrigin:
    """Objects of a bucket; a generation names a version on GCS, an entity tag elsewhere, or the version of the URI."""

    local = None

    def __init__(self, uri: SourceUri, credentials: Credentials) -> None:
        self._uri = uri
        # A generation is what tells one version from another on GCS.
        with_versions = uri.version is not None or uri.scheme == "gs"
        self._filesystem = open_bucket(uri.scheme, credentials, with_versions=with_versions)
        mark = "#" if uri.scheme == "gs" else VERSION
        self._suffix = f"{mark}{uri.version}" if uri.version else ""

    def look(self, wanted: str | None) -> Look:
        """The object, or everything below the prefix."""
        del wanted
        if self._uri.is_folder:
            return self._folder()
        info = self._info()
        if info["type"] == "directory":
            message = f"{self._uri.text} is a folder: put a '/' at its end if all of it is meant, or name an object."
            raise UserError(reasons.SOURCE_NOT_FOUND, message)
        entry = self._entry(info, self._uri.file_name)
        own = fixed_id({"uri": self._uri.text})
        if self._uri.scheme == "gs" and own not in {None, self._id(entry.version)}:
            raise self._no_version()
        return Look(own or self._id(entry.version), [entry])

    @contextmanager
    def read(self, look: Look, entry: Entry, offset: int) -> Iterator[Stream]:
        """The bytes of one object. Where the driver does not pin the version itself, `is_current` asks at the end."""
        del look
        path = f"{entry.key}#{entry.version}" if self._uri.scheme == "gs" else entry.key + self._suffix
        try:
            stream = self._filesystem.open(path, "rb", block_size=READ_AHEAD_BYTES, cache_type="readahead")
        except FileNotFoundError as error:
            raise ChangedError(f"{entry.path} is gone") from error
        with stream:
            if self._version(stream.details) != entry.version:
                raise ChangedError(f"{entry.path} was replaced")
            stream.seek(offset)
            yield Stream(offset, iter(lambda: _next_chunk(stream), b""))

    def is_current(self, look: Look) -> bool:
        """Whether the store says the same as before the download."""
        return self.look(None) == look

    def _info(self) -> dict[str, Any]:
        try:
            info: dict[str, Any] = self._filesystem.info(self._uri.rest + self._suffix)
        except Exception as error:
            if self._suffix and status_of(error) in NO_VERSION:
                raise self._no_version() from error
            raise
        return info

    def _no_version(self) -> UserError:
        message = f"{self._uri.text} does not exist: check the version's id, and that it is no deletion."
        return UserError(reasons.SOURCE_NOT_FOUND, message)

    def _folder(self) -> Look:
        root = self._uri.rest
        found = self._filesystem.find(root, detail=True)
        entries = [
            self._entry(info, name.removeprefix(f"{root}/"))
            for name, info in sorted(found.items())
            # Consoles of buckets make empty objects whose names end in a slash, and call them folders.
            if info["type"] == "file" and name.startswith(f"{root}/") and not name.endswith("/")
        ]
        return Look(self._id(listing_hash(entries)), entries, is_folder=True)

    def _entry(self, info: dict[str, Any], path: str) -> Entry:
        # GCS's driver writes the generation behind a name; elsewhere a '#' is part of it.
        key = info["name"].partition("#")[0] if self._uri.scheme == "gs" else info["name"]
        return Entry(path, key, int(info["size"]), self._version(info))

    def _version(self, info: dict[str, Any]) -> str | None:
        key = {"s3": "ETag", "gs": "generation", "az": "etag"}[self._uri.scheme]
        value = info.get(key)
        return None if value is None else str(value).strip('"')

    def _id(self, version: str | None) -> str | None:
        if self._uri.scheme == "gs":
            return f"generation:{version}" if version else None
        return etag_id(version)


def _next_chunk(stream: Any) -> bytes:
    try:
        return bytes(stream.read(CHUNK_BYTES))
    except Exception as error:
        if _is_other_version(error):
            raise ChangedError(str(error)) from error
        raise


def _is_other_version(error: Exception) -> bool:
    """S3's driver says so with an error of its own; on GCS the generation is gone."""
    return type(error).__name__ == "FileExpired" or isinstance(error, FileNotFoundError)
