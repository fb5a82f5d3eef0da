"""What every kind of source offers: a look at which version is there, and its files' bytes from any offset on."""

import hashlib
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

CHUNK_BYTES: Final = 1 << 20
ETAG_LIMIT: Final = 128


@dataclass(frozen=True)
class Entry:
    """One file of a source.

    `path` is relative to the folder, or the file's name; `key` is what the origin knows it by; `version` is what the
    store calls these bytes; `sha256` is set where the store knows it.
    """

    path: str
    key: str
    size: int | None
    version: str | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class Look:
    """One version of a source. `id` is None where the store has no name for a version: only the bytes tell then."""

    id: str | None
    entries: list[Entry]
    is_folder: bool = False

    @property
    def size(self) -> int | None:
        sizes = [entry.size for entry in self.entries]
        return None if None in sizes else sum(size for size in sizes if size is not None)


@dataclass(frozen=True)
class Stream:
    """Bytes of a file from `offset` on; it is 0 where the server cannot start anywhere else."""

    offset: int
    chunks: Iterator[bytes]


class Origin(Protocol):
    """Where a source is. Its methods raise what the driver raises; `failures` says what that means."""

    @property
    def local(self) -> Path | None:
        """Where the bytes are, if they are on this machine's disk already."""

    def look(self, wanted: str | None) -> Look:
        """Which version is there; an origin that still has an older one may return the `wanted` id's."""

    def read(self, look: Look, entry: Entry, offset: int) -> AbstractContextManager[Stream]:
        """The bytes of one file of this version; ChangedError if the version is gone."""

    def is_current(self, look: Look) -> bool:
        """Whether the version that was looked at is still there, asked when everything was read."""


class ChangedError(Exception):
    """There are other bytes now than when the source was looked at."""


class TruncatedError(EOFError):
    """Fewer bytes came than were announced, or others than the store itself says."""


def etag_id(tag: str | None) -> str | None:
    """A strong entity tag as an id; a weak one names no bytes."""
    if not tag or tag.startswith("W/"):
        return None
    bare = tag.strip('"')
    if not re.fullmatch(rf"[!-~]{{1,{ETAG_LIMIT}}}", bare):
        bare = hashlib.sha256(bare.encode()).hexdigest()
    return f"etag:{bare}"


def listing_hash(entries: list[Entry]) -> str:
    """One hexadecimal name for the versions of all files of a folder."""
    lines = "".join(f"{entry.version}  {entry.path}\n" for entry in sorted(entries, key=lambda entry: entry.path))
    return hashlib.sha256(lines.encode()).hexdigest()
