"""`spec.model.code`: a wheel, a zip or a single .py file, unpacked where the factory can be imported from."""

import errno
import shutil
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import Final

from slipway_optimizer import reasons
from slipway_optimizer.errors import UserError, first_line
from slipway_optimizer.sources.fetch import Fetched

MAX_FILES: Final = 20_000
MAX_BYTES: Final = 1 << 30
# Code packs to a fifth or so; what packs to a hundredth is a bomb, unless it is small anyway.
MAX_RATIO: Final = 100
SMALL_BYTES: Final = 64 << 20


def unpack_code(code: Fetched, folder: Path) -> Path:
    """Make an import folder of fetched code; nothing is imported yet.

    Raises:
        UserError: the file is of no known kind, or an archive that writes outside its folder or is too large.
    """
    target = folder / "code-unpacked"
    target.mkdir()
    if zipfile.is_zipfile(code.path):
        _extract(code, target)
    elif code.name.endswith(".py"):
        shutil.copyfile(code.path, target / code.name)
    else:
        message = (
            f"{code.name} is neither a wheel, a zip archive nor a .py file: pack the factory's module as one of these."
        )
        raise UserError(reasons.CODE_INVALID, message)
    return target


def _extract(code: Fetched, target: Path) -> None:
    try:
        with zipfile.ZipFile(code.path) as archive:
            members = archive.infolist()
            _refuse_hostile(code.name, members)
            for member in members:
                archive.extract(member, target)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, ValueError) as error:
        raise _broken(code, error) from error
    except OSError as error:
        # Such as two members that want to be a file and a folder by one name, or a name that is too long.
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise
        raise _broken(code, error) from error


def _broken(code: Fetched, error: Exception) -> UserError:
    message = f"{code.name} cannot be unpacked ({first_line(error)}): pack it again."
    return UserError(reasons.CODE_INVALID, message)


def _refuse_hostile(name: str, members: list[zipfile.ZipInfo]) -> None:
    for member in members:
        path = PurePosixPath(member.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts:
            raise UserError(
                reasons.CODE_INVALID, f"{name} holds {member.filename}, which leads out of its folder: pack it again."
            )
        if stat.S_ISLNK(member.external_attr >> 16):
            raise UserError(reasons.CODE_INVALID, f"{name} holds the symbolic link {member.filename}: pack files only.")
    size = sum(member.file_size for member in members)
    # zipfile stops reading at the announced size, so the announced sizes are a bound.
    packed = max(sum(member.compress_size for member in members), 1)
    if size > MAX_BYTES or len(members) > MAX_FILES or (size > SMALL_BYTES and size > MAX_RATIO * packed):
        message = (
            f"{name} unpacks from {packed:,} to {size:,} bytes in {len(members):,} files: at most {MAX_BYTES:,} and "
            f"{MAX_FILES:,} are allowed, and {MAX_RATIO} times what it is packed."
        )
        raise UserError(reasons.CODE_INVALID, message)
