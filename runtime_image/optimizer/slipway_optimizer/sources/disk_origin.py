"""`file://` and `pvc://`: what is on this machine's disk already is used where it lies."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from slipway_optimizer import reasons
from slipway_optimizer.errors import UserError
from slipway_optimizer.sources.origin import CHUNK_BYTES, Entry, Look, Stream
from slipway_optimizer.sources.uri import SourceUri


class DiskOrigin:
    """A file or a folder; only its bytes tell one version from another."""

    def __init__(self, uri: SourceUri) -> None:
        self._uri = uri
        self._path = _claim_path(uri) if uri.scheme == "pvc" else Path(unquote(urlsplit(uri.text).path))

    @property
    def local(self) -> Path:
        """Where the bytes are."""
        return self._path

    def look(self, wanted: str | None) -> Look:
        """The files and their sizes."""
        del wanted
        if self._path.is_dir() and not self._uri.is_folder:
            message = f"{self._uri.text} is a folder: put a '/' at its end if all of it is meant, or name a file."
            raise UserError(reasons.SOURCE_NOT_FOUND, message)
        if self._uri.is_folder:
            files = sorted(self._files())
            return Look(None, [self._entry(file, str(file.relative_to(self._path))) for file in files], is_folder=True)
        return Look(None, [self._entry(self._path, self._uri.file_name)])

    def _files(self) -> Iterator[Path]:
        """Links to files count as what they lead to; those to folders may lead back up, and would be left out."""
        for folder, below, names in os.walk(self._path):
            link = next((name for name in sorted(below) if Path(folder, name).is_symlink()), None)
            if link is not None:
                message = f"{self._uri.text} holds {link!r}, a link to a folder: put the folder itself there."
                raise UserError(reasons.UNSUPPORTED_SOURCE, message)
            yield from (Path(folder, name) for name in names)

    @contextmanager
    def read(self, look: Look, entry: Entry, offset: int) -> Iterator[Stream]:
        """The bytes of one file."""
        del look
        with Path(entry.key).open("rb") as file:
            file.seek(offset)
            yield Stream(offset, iter(lambda: file.read(CHUNK_BYTES), b""))

    def is_current(self, look: Look) -> bool:
        """Always: each file was opened once, and its digest is that of what was read."""
        del look
        return True

    def _entry(self, file: Path, path: str) -> Entry:
        if self._uri.scheme == "pvc":
            # A link in a folder may lead to what the Job can read and its user cannot.
            _require_inside(self._uri, file, unquote(self._uri.rest))
        if not file.is_file() and (self._uri.is_folder or file.exists()):
            message = f"{self._uri.text} holds {path!r}, which is no file, or a link to none: remove it."
            raise UserError(reasons.UNSUPPORTED_SOURCE, message)
        return Entry(path, str(file), file.stat().st_size)


def _claim_path(uri: SourceUri) -> Path:
    rest = unquote(uri.rest)
    path = _claims() / rest
    _require_inside(uri, path, rest)
    return path


def _claims() -> Path:
    return Path(os.environ.get("SLIPWAY_SOURCES_DIR", "/sources"))


def _require_inside(uri: SourceUri, path: Path, rest: str) -> None:
    claim = rest.split("/", 1)[0]
    if claim in {"", ".", ".."} or not path.resolve().is_relative_to((_claims() / claim).resolve()):
        message = f"{uri.text} leads out of its volume: name a file inside the claim."
        raise UserError(reasons.UNSUPPORTED_SOURCE, message)
