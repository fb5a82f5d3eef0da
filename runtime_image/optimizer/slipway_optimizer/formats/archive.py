"""Zip archives of PyTorch: looked at before anything in them is read, so that no member can be a bomb."""

import zipfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from slipway_optimizer import reasons
from slipway_optimizer.errors import UserError, first_line

# PyTorch packs only the text of its archives; weights are stored as they are.
MAX_PACKED_BYTES: Final = 256 << 20
MAX_MEMBERS: Final = 200_000
MAX_PICKLE_BYTES: Final = 64 << 20
ZIP_MAGIC: Final = b"PK\x03\x04"


def archive_members(path: Path) -> list[str]:
    """The names in a PyTorch archive, without the folder that they all share.

    Raises:
        UserError: the archive is cut off, damaged, or unpacks to more than it may.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError) as error:
        message = f"The file is a cut-off or damaged zip archive ({first_line(error)}): upload the whole file."
        raise UserError(reasons.CHECKPOINT_INVALID, message) from error
    _refuse_bombs(members, path.stat().st_size)
    _refuse_doubles(members)
    return [member.filename.split("/", 1)[-1] for member in members]


def read_member(path: Path, name: str, limit: int) -> bytes:
    """One member of a checked archive by its name without the shared folder, at most `limit` bytes of it."""
    with zipfile.ZipFile(path) as archive:
        full = next(member for member in archive.namelist() if member.split("/", 1)[-1] == name)
        with archive.open(full) as member:
            return member.read(limit)


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
    """Two readers may take two different members of one name: what is checked has to be what is loaded."""
    counts = Counter(member.filename for member in members)
    name, count = counts.most_common(1)[0] if counts else ("", 0)
    if count > 1:
        message = f"The archive holds {name!r} {count} times: save the model again."
        raise UserError(reasons.CHECKPOINT_INVALID, message)
