"""`python -m slipway_serving.fetch`: the init container that copies an artifact from its store and verifies it."""

import argparse
import hashlib
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from slipway_contract.digest import CHUNK_BYTES, sha256_of_bytes
from slipway_contract.manifest import MANIFEST_FILE, FileEntry
from slipway_contract.redaction import without_secrets
from slipway_serving.artifact import parse_manifest, verify_file
from slipway_serving.errors import StartupError
from slipway_serving.logs import configure_logging, log_event
from slipway_serving.store import is_denied, is_missing, is_transient, open_store
from slipway_serving.termination import report_failure

T = TypeVar("T")

_PARTIAL = ".partial"
_BLOCK_BYTES = 8 * CHUNK_BYTES
PAUSES_SECONDS = (0.5, 1.0, 2.0, 4.0)


def fetch(uri: str, digest: str, to: Path) -> int:
    """Copy the artifact with this digest into a folder. Files that are there already and right are left alone.

    Each file appears under its name only when it is whole and verified; the manifest appears last.

    Returns:
        Bytes copied.

    Raises:
        StartupError: not there, not allowed, not reachable, or not the bytes that the digest stands for.
    """
    filesystem, root = open_store(uri)
    to.mkdir(parents=True, exist_ok=True)
    (to / _PARTIAL).unlink(missing_ok=True)
    raw = _attempt(lambda: filesystem.cat_file(f"{root}/{MANIFEST_FILE}"), f"{uri}/{MANIFEST_FILE}")
    got = sha256_of_bytes(raw)
    if got != digest:
        raise StartupError(f"{uri}/{MANIFEST_FILE} has digest {got}, expected {digest}: it was changed in the store")
    copied = 0
    for entry in parse_manifest(raw).files:
        if not _is_there(to, entry):
            copy = partial(_copy, filesystem, f"{root}/{entry.stored_as}", entry, to)
            _attempt(copy, f"{uri}/{entry.stored_as}")
            copied += entry.size_bytes
    (to / _PARTIAL).write_bytes(raw)
    (to / _PARTIAL).replace(to / MANIFEST_FILE)
    return copied


def _is_there(to: Path, entry: FileEntry) -> bool:
    try:
        verify_file(to, entry)
    except StartupError:
        return False
    return True


def _copy(filesystem: Any, source: str, entry: FileEntry, to: Path) -> None:
    unfinished = to / _PARTIAL
    digest = hashlib.sha256()
    with (
        filesystem.open(source, "rb", block_size=_BLOCK_BYTES, cache_type="readahead") as reader,
        unfinished.open("wb") as writer,
    ):
        _require_size(entry, int(reader.size))
        while chunk := reader.read(CHUNK_BYTES):
            digest.update(chunk)
            writer.write(chunk)
        received = writer.tell()
    if received != entry.size_bytes:
        raise ConnectionError(f"{received:,} of the {entry.size_bytes:,} bytes of {entry.path} arrived")
    got = f"sha256:{digest.hexdigest()}"
    if got != entry.sha256:
        raise StartupError(f"{entry.path} has digest {got}, expected {entry.sha256}: it was changed in the store")
    target = to / entry.path
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished.replace(target)


def _require_size(entry: FileEntry, size: int) -> None:
    if size != entry.size_bytes:
        raise StartupError(
            f"{entry.path} has {size:,} bytes in the store, expected {entry.size_bytes:,}: it was changed in the store"
        )


def _attempt(operation: Callable[[], T], name: str) -> T:
    """The result of an operation that is tried again, with growing pauses, while its failure may pass."""
    pauses = iter(PAUSES_SECONDS)
    while True:
        try:
            return operation()
        except StartupError:
            raise
        except Exception as error:
            pause = next(pauses, None) if is_transient(error) else None
            if pause is None:
                raise StartupError(_explain(error, name)) from error
            log_event("trying again", name=name, error=_one_line(error), pauseSeconds=pause)
        time.sleep(pause)


def _explain(error: Exception, name: str) -> str:
    if is_missing(error):
        return f"{name} does not exist: the artifact was removed from its store, or was never there"
    if is_denied(error):
        return f"{name} may not be read ({_one_line(error)}): check the credentials in the store's Secret"
    if is_transient(error):
        return f"{name} could not be read in {len(PAUSES_SECONDS) + 1} attempts: {_one_line(error)}"
    return f"{name} could not be copied: {_one_line(error)}"


def _one_line(error: Exception) -> str:
    # What one driver has behind that is its data structures.
    text = without_secrets(str(error).partition("Debug source:")[0])
    return " ".join(text.split()) or type(error).__name__


def main() -> int:
    """Exit code: 0 when the folder holds the artifact, else 1."""
    parser = argparse.ArgumentParser(prog="slipway_serving.fetch", description=__doc__)
    parser.add_argument(
        "--uri", required=True, help="the artifact's own folder: a directory, file://, s3://, gs:// or az://"
    )
    parser.add_argument("--digest", required=True, help="the artifact digest, sha256:<hex>")
    parser.add_argument("--to", type=Path, required=True, help="folder to fill")
    arguments = parser.parse_args()
    configure_logging()
    # The first process of a container gets no default action for SIGTERM.
    signal.signal(signal.SIGTERM, lambda signum, _: sys.exit(128 + signum))
    started = time.monotonic()
    try:
        copied = fetch(arguments.uri, arguments.digest, arguments.to)
    except StartupError as error:
        report_failure(str(error))
        return 1
    log_event("fetched", uri=arguments.uri, bytesCopied=copied, seconds=round(time.monotonic() - started, 3))
    return 0


if __name__ == "__main__":
    sys.exit(main())
