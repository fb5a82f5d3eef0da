"""Zip archives of PyTorch: looked at before anything in them is read, so that no member can be a bomb."""

import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Final

from slipway_optimizer import reasons
from slipway_optimizer.errors import UserError, first_line

# PyTorch packs only the text of its archives; weights are stored as they are.
MAX_PACKED_BYTES: Final = 256 << 20
MAX_MEMBERS: Final = 200_000
MAX_PICKLE_BYTES: Final = 64 << 20
ZIP_MAGIC: Final = b"PK\x03\x04"
# The records at the end of a zip archive, APPNOTE.TXT 4.3.14 to 4.3.16, and where each says what lies where.
END: Final = struct.Struct("<4s12xL2x")
LOCATOR_64: Final = struct.Struct("<4s4xQ4x")
END_64: Final = struct.Struct("<4s44xQ")
# What Python's zipfile raises on damaged archives.
DAMAGES: Final = (
    zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError, EOFError, zlib.error, struct.error,
)  # fmt: skip


def archive_members(path: Path) -> list[str]:
    """The names in a PyTorch archive, without the folder that they all share.

    Raises:
        UserError: the archive is cut off, damaged, or unpacks to more than it may.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members, start = archive.infolist(), archive.start_dir
    except DAMAGES as error:
        raise _damaged(error) from error
    if _said_start(path) != start:
        message = "The file is a zip archive with other bytes before or behind it: save the model again."
        raise UserError(reasons.CHECKPOINT_INVALID, message)
    _refuse_bombs(members, path.stat().st_size)
    _refuse_doubles(members)
    return [member.filename.split("/", 1)[-1] for member in members]


def read_member(path: Path, name: str, limit: int) -> bytes:
    """One member of a checked archive by its name without the shared folder, at most `limit` bytes of it.

    Raises:
        UserError: the member is damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            full = next(member for member in archive.namelist() if member.split("/", 1)[-1] == name)
            with archive.open(full) as member:
                return member.read(limit)
    except DAMAGES as error:
        raise _damaged(error) from error


def _damaged(error: Exception) -> UserError:
    message = f"The file is a cut-off or damaged zip archive ({first_line(error)}): upload the whole file."
    return UserError(reasons.CHECKPOINT_INVALID, message)


def _said_start(path: Path) -> int | None:
    """Where the archive itself says that its directory starts; Python finds it by its size, PyTorch goes there."""
    size = path.stat().st_size
    with path.open("rb") as file:
        magic, start = _record(file, END, size - END.size)
        if magic != b"PK\x05\x06":
            return None
        locator_at = size - END.size - LOCATOR_64.size
        magic, record_at = _record(file, LOCATOR_64, locator_at)
        if magic != b"PK\x06\x07":
            return start
        return _record(file, END_64, record_at)[1] if record_at == locator_at - END_64.size else None


def _record(file: IO[bytes], layout: struct.Struct, place: int) -> tuple[bytes, int]:
    if place < 0:
        return b"", 0
    file.seek(place)
    magic, number = layout.unpack(file.read(layout.size))
    return bytes(magic), int(number)


def _refuse_bombs(members: Sequence[zipfile.ZipInfo], size: int) -> None:
    stored = sum(member.file_size for member in members if member.compress_type == zipfile.ZIP_STORED)
    packed = sum(member.file_size for member in members if member.compress_type != zipfile.ZIP_STORED)
    pickles = max((member.file_size for member in members if member.filename.endswith(".pkl")), default=0)
    # Members that overlap would let stored ones add up to more than there is.
    if stored > size or packed > MAX_PACKED_BYTES or pickles > MAX_PICKLE_BYTES or len(members) > MAX_MEMBERS:
        message = (
            f"The archive of {size:,} bytes would unpack to {stored + packed:,} bytes in {len(members):,} files, which "
            "is refused: save it with torch.save, which does not compress."
        )
        raise UserError(reasons.CHECKPOINT_INVALID, message)


def _refuse_doubles(members: Sequence[zipfile.ZipInfo]) -> None:
    """Two readers may take two different members of one name: what is checked has to be what is loaded.

    PyTorch's makes no difference between capitals and small letters.
    """
    counts = Counter(member.filename.lower() for member in members)
    name, count = counts.most_common(1)[0] if counts else ("", 0)
    if count > 1:
        message = f"The archive holds {name!r} {count} times: save the model again."
        raise UserError(reasons.CHECKPOINT_INVALID, message)
