"""Fetch a source: look which version is there, stream it to disk, and make sure that it is the one that is wanted."""

import hashlib
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from slipway_optimizer import reasons
from slipway_optimizer.errors import InfrastructureError, UserError
from slipway_optimizer.sources.download import download
from slipway_optimizer.sources.failures import failure_of_source
from slipway_optimizer.sources.layout import check_layout
from slipway_optimizer.sources.open import open_origin
from slipway_optimizer.sources.origin import ChangedError, Entry, Look, Origin
from slipway_optimizer.sources.patience import Patience
from slipway_optimizer.sources.space import require_space
from slipway_optimizer.spec import Source

ROUNDS: Final = 3

OnBytes = Callable[[int, int | None], None]


@dataclass(frozen=True)
class Fetched:
    """A verified file or folder on local disk; `name` is what the source called it.

    The digest of a folder is taken over the lines that `sha256sum` prints for its files.
    """

    path: Path
    name: str
    digest: str


def fetch(source: Source, field: str, folder: Path, on_bytes: OnBytes, resolved: str | None = None) -> Fetched:
    """Bring a source to local disk.

    Args:
        source: URI, and the digest that its bytes must have, where it is pinned.
        field: the source's path in the spec, such as `model.source`: whose credentials to use.
        folder: where to put what is not on local disk already.
        on_bytes: called with the bytes read so far and the total, where it is known.
        resolved: the id that the source was resolved to; other bytes are refused.

    Raises:
        JobError: the source is missing, forbidden, unreachable, or not what the digest or the id says.
    """
    wanted = None if source.sha256 else resolved
    with _explained(source.uri):
        origin = open_origin(source.uri, field)
        look, digest = _read_one_version(source.uri, origin, folder / field, on_bytes, wanted)
    if source.sha256 and digest != f"sha256:{source.sha256}":
        message = (
            f"{source.uri} has {digest}, the spec says sha256:{source.sha256}: correct the digest or upload the right "
            "file."
        )
        raise UserError(reasons.SOURCE_DIGEST_MISMATCH, message)
    if wanted not in {None, look.id, digest}:
        raise _changed(source.uri, wanted, digest)
    name = look.entries[0].path if not look.is_folder else source.uri.rstrip("/").rsplit("/", 1)[-1]
    path = origin.local or (folder / field if look.is_folder else folder / field / look.entries[0].path)
    return Fetched(path, name, digest)


def resolve(source: Source, field: str) -> str:
    """The id of the bytes behind a URI now; they are read where the store has no name for them.

    Raises:
        JobError: the source is missing, forbidden or unreachable.
    """
    with _explained(source.uri):
        origin = open_origin(source.uri, field)
        look = _look(source.uri, origin, None)
        return look.id or _read_one_version(source.uri, origin, None, lambda done, size: None, None)[1]


def _read_one_version(
    uri: str, origin: Origin, target: Path | None, on_bytes: OnBytes, wanted: str | None
) -> tuple[Look, str]:
    """Read a version as a whole; where any will do, the next one if it is replaced meanwhile."""
    for _ in range(ROUNDS if wanted is None else 1):
        look = _look(uri, origin, wanted)
        if wanted and look.id and look.id != wanted and not _bytes_decide(wanted, look):
            raise _changed(uri, wanted, look.id)
        try:
            return look, _read(uri, origin, look, None if origin.local else target, on_bytes)
        except ChangedError:
            continue
    raise _changed(uri, wanted, "another version")


def _bytes_decide(wanted: str, look: Look) -> bool:
    """Whether an id is a digest that the store cannot compare with: it names versions in its own way."""
    return wanted.startswith("sha256:") and not str(look.id).startswith("sha256:")


def _look(uri: str, origin: Origin, wanted: str | None) -> Look:
    for attempt in Patience().attempts():
        with attempt:
            look = origin.look(wanted)
    if not look.entries:
        raise UserError(reasons.SOURCE_NOT_FOUND, f"{uri} holds no files: check the name, or upload them.")
    check_layout(uri, look.entries)
    return look


def _read(uri: str, origin: Origin, look: Look, target: Path | None, on_bytes: OnBytes) -> str:
    done = 0

    def on_change(count: int) -> None:
        nonlocal done
        done += count
        on_bytes(done, look.size)

    if target is not None:
        # What an earlier round left is of another version.
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        require_space(uri, target, look.size)
    digests = {entry.path: _read_entry(origin, look, entry, target, on_change) for entry in look.entries}
    if not _is_current(origin, look):
        raise ChangedError
    return digest_of_folder(digests) if look.is_folder else f"sha256:{digests[look.entries[0].path]}"


def _read_entry(origin: Origin, look: Look, entry: Entry, target: Path | None, on_change: Callable[[int], None]) -> str:
    file = None if target is None else target / entry.path
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
    return download(origin, look, entry, file, on_change)


def _is_current(origin: Origin, look: Look) -> bool:
    for attempt in Patience().attempts():
        with attempt:
            current = origin.is_current(look)
    return current


def digest_of_folder(digests: Mapping[str, str]) -> str:
    """Digest over what `sha256sum` prints for a folder's files, sorted by name: `<hex>  <path>` a line."""
    paths = sorted(digests, key=str.encode)
    lines = "".join(f"{digests[path]}  {path}\n" for path in paths)
    return f"sha256:{hashlib.sha256(lines.encode()).hexdigest()}"


def _changed(uri: str, wanted: str | None, found: str) -> InfrastructureError:
    if wanted is None:
        message = f"{uri} was replaced each of {ROUNDS} times that it was read: wait until it is uploaded."
    else:
        message = (
            f"{uri} is {found} now, and {wanted} is what it was resolved to: put those bytes back, or let the sources "
            "be looked at again, as updatePolicy OnDigestChange does."
        )
    return InfrastructureError(reasons.SOURCE_CHANGED, message)


@contextmanager
def _explained(uri: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        failure = failure_of_source(error, uri)
        if failure is None or failure is error:
            raise
        raise failure from error
