"""`spec.model.code`: a wheel, a zip or a single .py file, unpacked where the factory can be imported from."""

import shutil
import stat
import zipfile
from pathlib import Path, PurePosixPath
from typing import Final

from slipway_optimizer import reasons
from slipway_optimizer.errors import UserError, first_line
from slipway_optimizer.sources.fetch import Fetched

MAX_FILES: Final = 20_000
MAX_BYTES: Final = 1 << 30


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
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        message = f"{code.name} cannot be unpacked ({first_line(error)}): pack it again."
        raise UserError(reasons.CODE_INVALID, message) from error


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
    if size > MAX_BYTES or len(members) > MAX_FILES:
        message = (
            f"{name} unpacks to {size:,} bytes in {len(members):,} files: at most {MAX_BYTES:,} and {MAX_FILES:,} are "
            "allowed."
        )
        raise UserError(reasons.CODE_INVALID, message)
