"""The protocol's datatypes: how each is held in NumPy, and what of it JSON, raw bytes and gRPC's contents may carry.

NumPy has no bfloat16: such values are held as their bits, in uint16. BYTES are ONNX's strings: UTF-8 text.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from slipway_contract.manifest import TensorDType

Array = np.ndarray[Any, Any]

_LENGTH_BYTES = 4
_BFLOAT16_NAN = 0x7FC0


@dataclass(frozen=True, slots=True)
class Datatype:
    """One datatype.

    Attributes:
        name: in the Open Inference Protocol.
        held: NumPy's type of the arrays that hold it.
        wire: the same in the order of bytes that the protocol has.
        json: Python's types of the values that JSON may write for it: an integer is a float, a float is no integer.
        values: what they are called in a sentence.
        contents: the field of gRPC's typed contents; empty where raw contents alone carry it.
    """

    name: str
    held: np.dtype[Any]
    wire: np.dtype[Any]
    json: frozenset[type]
    values: str
    contents: str

    @property
    def is_text(self) -> bool:
        return self.name == "BYTES"

    @property
    def is_float(self) -> bool:
        return float in self.json


def _datatype(name: str, held: str, contents: str) -> Datatype:
    dtype = np.dtype(held)
    kinds, values = _json_of("f" if name == "BF16" else dtype.kind)
    return Datatype(name, dtype, dtype.newbyteorder("<"), frozenset(kinds), values, contents)


def _json_of(kind: str) -> tuple[set[type], str]:
    if kind == "b":
        return {bool}, "true or false"
    if kind == "O":
        return {str}, "strings"
    return ({int, float}, "numbers") if kind == "f" else ({int}, "integers")


DATATYPES: Mapping[TensorDType, Datatype] = {
    "bool": _datatype("BOOL", "bool", "bool_contents"),
    "int8": _datatype("INT8", "int8", "int_contents"),
    "uint8": _datatype("UINT8", "uint8", "uint_contents"),
    "int16": _datatype("INT16", "int16", "int_contents"),
    "uint16": _datatype("UINT16", "uint16", "uint_contents"),
    "int32": _datatype("INT32", "int32", "int_contents"),
    "uint32": _datatype("UINT32", "uint32", "uint_contents"),
    "int64": _datatype("INT64", "int64", "int64_contents"),
    "uint64": _datatype("UINT64", "uint64", "uint64_contents"),
    "float16": _datatype("FP16", "float16", ""),
    "bfloat16": _datatype("BF16", "uint16", ""),
    "float32": _datatype("FP32", "float32", "fp32_contents"),
    "float64": _datatype("FP64", "float64", "fp64_contents"),
    "string": _datatype("BYTES", "object", "bytes_contents"),
}
"""By the manifest's names."""


def bfloat16_to_float32(bits: Array) -> Array:
    """Exact: a bfloat16 is the upper half of a float32."""
    wide: Array = np.left_shift(bits, 16, dtype=np.uint32)
    return np.asarray(wide).view(np.float32)


def float32_to_bfloat16(values: Array) -> Array:
    """Bits of the nearest bfloat16, ties to even. Beyond its range lies infinity, as for every conversion."""
    bits = values.view(np.uint32)
    rounded = (bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16)
    # Rounding could carry a NaN into another number.
    return np.where(np.isnan(values), np.uint32(_BFLOAT16_NAN), rounded).astype(np.uint16)


def text_from_raw(raw: memoryview, count: int) -> list[str]:
    """The strings of a raw BYTES tensor: each has its length before it, in four little-endian bytes.

    Raises:
        ValueError: other than `count` strings, or no UTF-8; says so in words.
    """
    if count * _LENGTH_BYTES > len(raw):
        raise ValueError(f"{len(raw)} bytes cannot hold {count} strings")
    strings: list[str] = []
    end = 0
    for _ in range(count):
        start = end + _LENGTH_BYTES
        if start > len(raw):
            raise ValueError(f"{len(raw)} bytes end before string {len(strings)} of {count} begins")
        end = start + int.from_bytes(raw[end:start], "little")
        if end > len(raw):
            raise ValueError(f"{len(raw)} bytes end within string {len(strings)} of {count}")
        strings.append(text_from_bytes(bytes(raw[start:end]), len(strings)))
    if end != len(raw):
        raise ValueError(f"{len(raw) - end} bytes follow the last of {count} strings")
    return strings


def text_from_bytes(value: bytes, index: int) -> str:
    """One element of a BYTES tensor.

    Raises:
        ValueError: it is no UTF-8.
    """
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise ValueError(f"string {index} is not UTF-8") from None


def raw_from_text(strings: Sequence[str]) -> bytes:
    parts: list[bytes] = []
    for string in strings:
        value = string.encode()
        parts.append(len(value).to_bytes(_LENGTH_BYTES, "little"))
        parts.append(value)
    return b"".join(parts)
