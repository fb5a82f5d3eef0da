"""Which names of files a folder may hold: names come from buckets and registries, and become paths on our disk."""

from pathlib import PurePosixPath
from typing import Final

from slipway_optimizer import reasons
from slipway_optimizer.errors import UserError
from slipway_optimizer.sources.origin import Entry

MAX_FILES: Final = 10_000
MAX_NAME_BYTES: Final = 255


def check_layout(uri: str, entries: list[Entry]) -> None:
    """Refuse names that lead out of the folder or cannot lie in it side by side.

    Raises:
        UserError: names the file.
    """
    if len(entries) > MAX_FILES:
        message = f"{uri} holds {len(entries):,} files, at most {MAX_FILES:,} are read: name a smaller folder."
        raise UserError(reasons.UNSUPPORTED_SOURCE, message)
    files = set()
    for entry in entries:
        if not _is_plain(entry.path):
            message = f"{uri} holds the name {entry.path!r}, which is no path below a folder: rename it."
            raise UserError(reasons.UNSUPPORTED_SOURCE, message)
        if not _can_be_written(entry.path):
            message = f"{uri} holds the name {entry.path!r}, which is no UTF-8 or too long for a disk: rename it."
            raise UserError(reasons.UNSUPPORTED_SOURCE, message)
        if entry.path in files:
            raise UserError(reasons.UNSUPPORTED_SOURCE, f"{uri} holds the name {entry.path!r} twice: rename one.")
        files.add(entry.path)
    folders = {str(parent) for path in files for parent in PurePosixPath(path).parents}
    both = sorted(files & folders)
    if both:
        message = f"{uri} holds {both[0]!r} as a file and as a folder: rename one."
        raise UserError(reasons.UNSUPPORTED_SOURCE, message)


def _is_plain(path: str) -> bool:
    parts = path.split("/")
    return not {"", ".", ".."} & set(parts) and "\0" not in path and "\n" not in path and "\\" not in path


def _can_be_written(path: str) -> bool:
    # A name on disk that is no UTF-8 comes with surrogates, which have no encoding.
    return path.encode(errors="ignore").decode() == path and all(
        len(part.encode()) <= MAX_NAME_BYTES for part in path.split("/")
    )
