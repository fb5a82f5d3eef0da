"""Fetch a source: stream it to disk in chunks, take its digest on the way, try again when the network fails."""

import hashlib
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from slipway_optimizer import reasons
from slipway_optimizer.credentials import Purpose
from slipway_optimizer.errors import UserError
from slipway_optimizer.sources.failures import failure_of_source, is_denied, is_missing, is_transient
from slipway_optimizer.sources.locate import Location, locate
from slipway_optimizer.spec import Source

CHUNK_BYTES = 1 << 20
READ_AHEAD_BYTES = 8 << 20
BACK_OFF_SECONDS = (0.5, 1.0, 2.0, 4.0)

OnBytes = Callable[[int, int | None], None]


@dataclass(frozen=True)
class Fetched:
    """A verified file on local disk; `name` is what the source called it."""

    path: Path
    name: str
    digest: str


class _TruncatedError(EOFError):
    """The server announced more bytes than it sent."""


def fetch(source: Source, purpose: Purpose, folder: Path, on_bytes: OnBytes) -> Fetched:
    """Bring a source to local disk.

    Args:
        source: URI, and the digest that its bytes must have, where it is pinned.
        purpose: whose credentials to use.
        folder: where to put a file that is not on local disk already.
        on_bytes: called with the bytes read so far and the total, where the server says it.

    Raises:
        JobError: the source is missing, forbidden, unreachable, or not what the digest says.
    """
    location = locate(source.uri, purpose)
    target = None if location.local else folder / purpose
    for pause in (*BACK_OFF_SECONDS, None):
        try:
            digest = _read(location, target, on_bytes)
            break
        except Exception as error:
            if pause is not None and not is_missing(error) and not is_denied(error) and is_transient(error):
                time.sleep(pause)
                continue
            failure = failure_of_source(error, source.uri)
            if failure is None:
                raise
            raise failure from error
    _verify(source, digest)
    return Fetched(location.local or target or folder, location.file_name, digest)


def _read(location: Location, target: Path | None, on_bytes: OnBytes) -> str:
    sha256 = hashlib.sha256()
    done = 0
    with closing(_open(location)) as stream, _writer(target) as file:
        size = _announced_size(location, stream)
        while chunk := stream.read(CHUNK_BYTES):
            sha256.update(chunk)
            if file is not None:
                file.write(chunk)
            done += len(chunk)
            on_bytes(done, size)
    if size is not None and done < size:
        raise _TruncatedError(f"{done:,} of {size:,} bytes arrived")
    return "sha256:" + sha256.hexdigest()


def _writer(target: Path | None) -> AbstractContextManager[BinaryIO | None]:
    return target.open("wb") if target else nullcontext()


def _open(location: Location) -> Any:
    if location.local:
        return location.local.open("rb")
    if location.uri.startswith("http"):
        # Block size 0 is one streamed request. With a size, whatever it is, fsspec asks the server for none first; that
        # request would turn every failure into FileNotFoundError.
        return location.filesystem.open(location.path, "rb", block_size=0, size=1)
    return location.filesystem.open(location.path, "rb", block_size=READ_AHEAD_BYTES, cache_type="readahead")


def _announced_size(location: Location, stream: Any) -> int | None:
    if location.local:
        return location.local.stat().st_size
    if location.uri.startswith("http"):
        headers = stream.r.headers
        length = None if "Content-Encoding" in headers else headers.get("Content-Length")
        return int(length) if length else None
    return int(stream.size)


def _verify(source: Source, digest: str) -> None:
    if source.sha256 and digest != f"sha256:{source.sha256}":
        message = (
            f"{source.uri} has {digest}, the spec says sha256:{source.sha256}: correct the digest or upload the right "
            "file."
        )
        raise UserError(reasons.SOURCE_DIGEST_MISMATCH, message)
