"""From a source's URI to something that can be opened: a filesystem of fsspec and a path in it."""

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

import fsspec
from fsspec import AbstractFileSystem

from slipway_optimizer import reasons
from slipway_optimizer.credentials import Purpose, s3_options
from slipway_optimizer.errors import UserError

SUPPORTED = "file://, https://, http://, s3:// and pvc://"


@dataclass(frozen=True)
class Location:
    """Where a source's bytes are. `local` is set when they are on this machine's disk already."""

    uri: str
    filesystem: AbstractFileSystem
    path: str
    local: Path | None = None

    @property
    def file_name(self) -> str:
        return unquote(urlsplit(self.uri).path).rsplit("/", 1)[-1] or "source"


def locate(uri: str, purpose: Purpose) -> Location:
    """Resolve a URI; credentials come from the Secret mounted for `purpose`."""
    scheme, _, rest = uri.partition("://")
    if scheme == "file":
        return _on_disk(uri, Path(unquote(urlsplit(uri).path)))
    if scheme == "pvc":
        return _on_disk(uri, _claim_path(uri, unquote(rest)))
    if scheme in {"http", "https"}:
        return Location(uri, fsspec.filesystem(scheme, skip_instance_cache=True), uri)
    if scheme == "s3":
        return Location(uri, fsspec.filesystem("s3", **s3_options(purpose)), rest)
    raise UserError(reasons.UNSUPPORTED_SOURCE, f"{uri} has no scheme that is known: use {SUPPORTED}.")


def _on_disk(uri: str, path: Path) -> Location:
    return Location(uri, fsspec.filesystem("file"), str(path), local=path)


def _claim_path(uri: str, rest: str) -> Path:
    root = Path(os.environ.get("SLIPWAY_SOURCES_DIR", "/sources"))
    path = root / rest
    if not path.resolve().is_relative_to((root / rest.split("/", 1)[0]).resolve()):
        raise UserError(reasons.UNSUPPORTED_SOURCE, f"{uri} leads out of its volume: name a file inside the claim.")
    return path
