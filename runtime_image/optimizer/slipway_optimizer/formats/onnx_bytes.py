"""The bytes of an ONNX file, walked field by field, so that no graph is parsed to know that a file holds one."""

from pathlib import Path
from typing import IO, Final

# Of onnx.ModelProto: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
IR_VERSION: Final = 1
GRAPH: Final = 7
OPSETS: Final = 8
MAX_FIELD: Final = 32
MAX_FIELDS: Final = 100_000
VARINT, EIGHT_BYTES, LENGTH, FOUR_BYTES = 0, 1, 2, 5
MAX_VARINT_BYTES: Final = 10


def looks_like_onnx(path: Path) -> bool:
    """Whether a file is, from end to end, the fields of a ModelProto, one of them its graph."""
    size = path.stat().st_size
    seen: set[int] = set()
    with path.open("rb") as file:
        for _ in range(MAX_FIELDS):
            if file.tell() == size:
                return {IR_VERSION, GRAPH} <= seen
            field = _skip_field(file, size)
            if field is None:
                return False
            seen.add(field)
    return False


def starts_like_onnx(path: Path) -> bool:
    """Whether a file begins as one, with a small version of the format: perhaps it is cut off."""
    with path.open("rb") as file:
        start = file.read(3)
    return len(start) == 3 and start[0] == IR_VERSION << 3 and 0 < start[1] <= MAX_FIELD and start[2] & 7 == LENGTH  # noqa: PLR2004


def _skip_field(file: IO[bytes], size: int) -> int | None:
    """Step over a field; its number, or None where there is none."""
    tag = _varint(file)
    if tag is None or not 0 < tag >> 3 <= MAX_FIELD:
        return None
    kind = tag & 7
    if kind == VARINT:
        return None if _varint(file) is None else tag >> 3
    length = {EIGHT_BYTES: 8, FOUR_BYTES: 4}.get(kind)
    if kind == LENGTH:
        length = _varint(file)
    if length is None or file.tell() + length > size:
        return None
    file.seek(length, 1)
    return tag >> 3


def _varint(file: IO[bytes]) -> int | None:
    value = 0
    for index in range(MAX_VARINT_BYTES):
        byte = file.read(1)
        if not byte:
            return None
        value |= (byte[0] & 0x7F) << (7 * index)
        if byte[0] < 0x80:  # noqa: PLR2004
            return value
    return None
