"""Pictures, in a folder for each class: a folder of such folders, or a zip of it. Without folders, without labels."""

import os
import stat
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from math import prod
from pathlib import Path, PurePosixPath
from typing import IO, Final

import numpy as np

from slipway_optimizer.data.columns import Column, EqualRows
from slipway_optimizer.data.layout import RowLayout
from slipway_optimizer.data.pictures import PictureInput, PictureRows
from slipway_optimizer.data.problem import BROKEN_ZIP, DataProblemError, broken_is
from slipway_optimizer.data.spool import mapped, require_room, spool

LEFT_OUT: Final = ("__MACOSX", "Thumbs.db")
LARGEST_FILE: Final = 256 << 20
# A folder around everything, a class, a file.
WRAPPED: Final = 3


@dataclass(frozen=True)
class Picture:
    """A file: its place below the data's root, and how to open it."""

    path: PurePosixPath
    open: Callable[[], IO[bytes]]


def read_images(path: Path, layout: RowLayout) -> tuple[dict[str, Column], Column | None]:
    """Read every picture, in the order of classes and names.

    The class of a picture is the number that its folder is named after; where not every folder is a number, the place
    of the folder in alphabetical order.
    """
    wanted = _input(layout)
    with _found(path) as found:
        pictures = _unwrapped(found)
        labels = _labels([picture.path for picture in pictures])
        require_room("The pictures", len(pictures) * prod(wanted.size))
        with spool() as file:
            for picture in pictures:
                with picture.open() as source:
                    file.write(wanted.pixels(source, str(picture.path)).tobytes())
            pixels = mapped(file, np.dtype(np.uint8), (len(pictures), *wanted.size))
    return {wanted.tensor.name: PictureRows(pixels, wanted)}, labels


def _input(layout: RowLayout) -> PictureInput:
    (tensor, *_) = layout.inputs
    if tensor.image is None:
        message = "it is a folder or a zip, as of images, and no input in spec.model.inputs says with image what it "
        raise DataProblemError(message + "makes of them")
    return PictureInput(tensor, tensor.image)


@contextmanager
def _found(path: Path) -> Iterator[list[Picture]]:
    if path.is_dir():
        yield list(_files(path))
        return
    with broken_is("its zip archive cannot be read", BROKEN_ZIP), zipfile.ZipFile(path) as archive:
        yield [_member(archive, info) for info in archive.infolist() if not info.is_dir()]


def _files(root: Path) -> Iterator[Picture]:
    for folder, folders, names in os.walk(root):
        # A link to a folder is not walked into: its pictures would be missing without a word.
        linked = [name for name in folders if Path(folder, name).is_symlink() and not _is_left_out(name)]
        for name in [*names, *linked]:
            path = Path(folder, name)
            relative = PurePosixPath(path.relative_to(root))
            if not path.is_file() or path.is_symlink():
                raise DataProblemError(f"{relative} is a link or a special file: put plain files there")
            yield Picture(relative, partial(_open, path))


def _open(path: Path) -> IO[bytes]:
    return path.open("rb")


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Picture:
    """Nothing is extracted to a path; that a name leads elsewhere says all the same what to think of an archive."""
    path = PurePosixPath(info.filename.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts:
        raise DataProblemError(f"its zip archive holds {info.filename}, which leads out of its folder")
    if stat.S_ISLNK(info.external_attr >> 16):
        raise DataProblemError(f"its zip archive holds the symbolic link {info.filename}")
    if info.file_size > LARGEST_FILE:
        message = f"{path} unpacks to {info.file_size:,} bytes: pictures have at most {LARGEST_FILE:,}"
        raise DataProblemError(message)
    return Picture(path, partial(archive.open, info))


def _unwrapped(found: Sequence[Picture]) -> list[Picture]:
    """In order, without hidden files, and without the folder that a zip of a folder has around everything."""
    kept = [picture for picture in found if not any(_is_left_out(part) for part in picture.path.parts)]
    if not kept:
        raise DataProblemError("it holds no files")
    around = {picture.path.parts[0] for picture in kept}
    if len(around) == 1 and all(len(picture.path.parts) >= WRAPPED for picture in kept):
        kept = [Picture(PurePosixPath(*picture.path.parts[1:]), picture.open) for picture in kept]
    return sorted(kept, key=lambda picture: picture.path.parts)


def _is_left_out(part: str) -> bool:
    return part.startswith(".") or part in LEFT_OUT


def _labels(paths: Sequence[PurePosixPath]) -> Column | None:
    beside = [path for path in paths if len(path.parts) == 1]
    if len(beside) == len(paths):
        return None
    if beside:
        raise DataProblemError(f"{beside[0]} lies beside the folders of the classes: move it into one")
    folders = sorted({path.parts[0] for path in paths})
    numbered = all(folder.isascii() and folder.isdigit() for folder in folders)
    classes = {folder: int(folder) if numbered else place for place, folder in enumerate(folders)}
    labels = np.array([classes[path.parts[0]] for path in paths])
    return EqualRows(labels, labels.dtype)
