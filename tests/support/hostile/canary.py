"""Things that leave a file behind when somebody runs them: the files of a hostile author."""

import io
import os
import pickle
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch


class Canary:
    """Unpickles to a shell command that makes a file."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.mark}",)


def torch_saved(content: Any, *, zipped: bool = True) -> bytes:
    """What torch.save writes."""
    buffer = io.BytesIO()
    torch.save(content, buffer, _use_new_zipfile_serialization=zipped)
    return buffer.getvalue()


def written_out(mark: Path) -> bytes:
    """A pickle as text, of the oldest protocol."""
    return f"cposix\nsystem\n(S'touch {mark}'\ntR.".encode()


def by_stack(mark: Path) -> bytes:
    """A pickle that puts the name of what it calls together from strings, as protocol 4 does."""
    return pickle.dumps(Canary(mark), protocol=4)


def with_members(archive: Path, target: Path, change: Callable[[str, bytes], bytes]) -> Path:
    """A copy of a zip archive, each member by what `change` makes of it."""
    with zipfile.ZipFile(archive) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as copy:
        for name in source.namelist():
            copy.writestr(name, change(name, source.read(name)))
    return target


def packed(target: Path, members: Mapping[str, bytes | int]) -> Path:
    """A compressed zip archive; a number stands for so many zeros."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in members.items():
            with archive.open(name, "w", force_zip64=True) as file:
                if isinstance(content, bytes):
                    file.write(content)
                else:
                    for _ in range(content >> 20):
                        file.write(bytes(1 << 20))
    return target


def npy(descr: str, shape: str, data: bytes = b"") -> bytes:
    """A .npy file with a header of one's own."""
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + data


def safe_tensors(header: bytes, length: int | None = None, data: bytes = b"") -> bytes:
    """A .safetensors file whose header may announce another length than it has."""
    return struct.pack("<Q", len(header) if length is None else length) + header + data
