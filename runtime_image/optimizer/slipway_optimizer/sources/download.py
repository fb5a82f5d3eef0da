"""One file from its origin to disk: in chunks, hashed on the way, and going on after a cut where it stopped."""

import hashlib
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import BinaryIO

from slipway_optimizer.sources.origin import Entry, Look, Origin, TruncatedError
from slipway_optimizer.sources.patience import Patience

OnChange = Callable[[int], None]
"""Called with the number of bytes that came, negative where the file has to be read from its start again."""


def download(origin: Origin, look: Look, entry: Entry, target: Path | None, on_change: OnChange) -> str:
    """Read one file of a version; with no target only its digest is taken.

    Returns:
        The digest of its bytes, as bare hexadecimal digits.

    Raises:
        ChangedError: the origin has another version now.
        Exception: what the origin's driver raises when trying again does not help.
    """
    patience = Patience()
    with target.open("wb") if target else nullcontext() as file:
        reading = _Reading(origin, look, entry, file, on_change)
        for attempt in patience.attempts():
            with attempt:
                reading.go_on(patience)
    return reading.hex_digest


class _Reading:
    """How far one file has come."""

    def __init__(self, origin: Origin, look: Look, entry: Entry, file: BinaryIO | None, on_change: OnChange) -> None:
        self._origin, self._look, self._entry = origin, look, entry
        self._file, self._on_change = file, on_change
        self._sha256 = hashlib.sha256()
        self._done = 0
        self._farthest = 0

    @property
    def hex_digest(self) -> str:
        return self._sha256.hexdigest()

    def go_on(self, patience: Patience) -> None:
        if self._entry.size is not None and self._done >= self._entry.size:
            self._start_again()
        with self._origin.read(self._look, self._entry, self._done) as stream:
            if stream.offset != self._done:
                self._start_again()
            for chunk in stream.chunks:
                self._take(chunk, patience)
        self._check()

    def _take(self, chunk: bytes, patience: Patience) -> None:
        self._sha256.update(chunk)
        if self._file is not None:
            self._file.write(chunk)
        self._done += len(chunk)
        self._on_change(len(chunk))
        if self._done > self._farthest:
            self._farthest = self._done
            patience.encourage()

    def _check(self) -> None:
        size, sha256 = self._entry.size, self._entry.sha256
        if size is not None and self._done != size:
            raise TruncatedError(f"{self._done:,} of {size:,} bytes arrived")
        if sha256 is not None and self.hex_digest != sha256:
            raise TruncatedError(f"{self._entry.path} arrived as sha256:{self.hex_digest} instead of sha256:{sha256}")

    def _start_again(self) -> None:
        self._on_change(-self._done)
        self._sha256, self._done = hashlib.sha256(), 0
        if self._file is not None:
            self._file.seek(0)
            self._file.truncate()
