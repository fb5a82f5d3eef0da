"""NumPy's .npz: one array an input, rows first, and optionally one of labels."""

import shutil
import zipfile
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
from numpy.lib import format as npy

from slipway_optimizer.arrays import Array
from slipway_optimizer.data.check import check_values, fits, said
from slipway_optimizer.data.columns import Column, EqualRows
from slipway_optimizer.data.layout import LABELS, RowLayout
from slipway_optimizer.data.problem import BROKEN_ZIP, DataProblemError, broken_is
from slipway_optimizer.data.spool import mapped, require_room, spool
from slipway_optimizer.spec import Input

SUFFIX: Final = ".npy"
CHECKED_BYTES: Final = 4 << 20
VERSIONS: Final = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


def read_npz(path: Path, layout: RowLayout) -> tuple[dict[str, Column], Column | None]:
    """Read the arrays of the inputs, and the labels."""
    with broken_is("it is no .npz file", BROKEN_ZIP, "; write it with numpy.savez"), zipfile.ZipFile(path) as archive:
        names = {name.removesuffix(SUFFIX) for name in archive.namelist() if name.endswith(SUFFIX)}
        columns = {tensor.name: _column(archive, tensor, layout, names) for tensor in layout.inputs}
        labels = _array(archive, LABELS) if layout.has_labels(names) else None
    if labels is None:
        return columns, None
    if not labels.ndim:
        raise DataProblemError("its array labels is a single value: give one label a row")
    check_values(LABELS, labels[:0], labels.dtype)
    return columns, EqualRows(labels, labels.dtype)


def _column(archive: zipfile.ZipFile, tensor: Input, layout: RowLayout, names: set[str]) -> Column:
    if tensor.name not in names:
        raise DataProblemError(f"it has no array {tensor.name}, only {', '.join(sorted(names)) or 'nothing'}")
    array = _array(archive, tensor.name)
    declared = layout.row_shape(tensor)
    if not array.ndim or not fits(array.shape[1:], declared):
        message = (
            f"its array {tensor.name} has shape {list(array.shape)}; the spec asks for {said(['rows', *declared])}"
        )
        raise DataProblemError(message)
    dtype = np.dtype(tensor.dtype)
    step = max(1, CHECKED_BYTES // max(array[:1].nbytes, 1))
    for start in range(0, max(len(array), 1), step):
        check_values(tensor.name, array[start : start + step], dtype, start)
    return EqualRows(array, dtype)


def _array(archive: zipfile.ZipFile, name: str) -> Array:
    """One array, mapped from a copy on disk: a compressed one may be much larger than memory."""
    info = archive.getinfo(name + SUFFIX)
    require_room(f"The array {name} of the data", info.file_size)
    with archive.open(info) as packed, spool() as file:
        shutil.copyfileobj(packed, file, 1 << 20)
        file.seek(0)
        shape, fortran, dtype = _header(file)
        if dtype.hasobject:
            raise DataProblemError(f"its array {name} holds Python objects, which are never unpickled")
        return mapped(file, dtype, shape, offset=file.tell(), order="F" if fortran else "C")


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = npy.read_magic(file)
    if version not in VERSIONS:
        raise ValueError(f"a header of version {version}")
    shape, fortran, dtype = VERSIONS[version](file)
    return shape, fortran, dtype
