"""Arrays that fit a model's inputs, from JSON or bytes, and back; a refusal names the tensor and what was expected."""

import math
from array import array
from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np

from slipway_contract.manifest import TensorSpec
from slipway_serving.datatypes import (
    DATATYPES,
    Array,
    Datatype,
    bfloat16_to_float32,
    float32_to_bfloat16,
    raw_from_text,
    text_from_raw,
)
from slipway_serving.errors import InvalidRequestError

Arrays = dict[str, Array]

_FOUND = {float: "fractions", int: "integers", bool: "booleans", str: "strings"}


def array_from_json(value: Any, spec: TensorSpec) -> Array:
    """Array of the input's type from a (nested) list of values; its shape is the nesting.

    Raises:
        InvalidRequestError: ragged, values of another kind, null, or out of the type's range.
    """
    flat, shape = _flattened(value, spec)
    return array_from_values(flat, spec).reshape(shape)


def array_from_values(values: list[Any], spec: TensorSpec) -> Array:
    """Flat array of the input's type from Python's numbers, booleans or strings.

    NumPy is not left to guess the type: of one long string among many values it would make as many long ones.

    Raises:
        InvalidRequestError: values of another kind, null, or out of the type's range.
    """
    datatype = DATATYPES[spec.dtype]
    kinds = set(map(type, values))
    if not kinds <= datatype.json:
        found = {_FOUND.get(kind, "null, an object or a list") for kind in kinds - datatype.json}
        raise InvalidRequestError(f"input {spec.name!r}: expected {datatype.values}, got {' and '.join(sorted(found))}")
    if datatype.is_float:
        return _floats(values, datatype, spec)
    if int in datatype.json:
        return _integers(values, datatype, spec)
    return np.array(values, dtype=datatype.held)


def array_from_bytes(raw: memoryview, shape: Sequence[int], spec: TensorSpec) -> Array:
    """Array over little-endian, row-major bytes, copied only if they are not aligned."""
    datatype = DATATYPES[spec.dtype]
    count = math.prod(shape)  # in Python's integers: NumPy's would wrap around
    if datatype.is_text:
        try:
            strings = text_from_raw(raw, count)
        except ValueError as error:
            raise InvalidRequestError(f"input {spec.name!r}: {error}") from None
        return reshaped(np.array(strings, dtype=object), shape, spec)
    expected = count * datatype.held.itemsize
    if len(raw) != expected:
        raise InvalidRequestError(
            f"input {spec.name!r}: expected {expected} bytes of {datatype.name} for shape {list(shape)}, got {len(raw)}"
        )
    values = np.frombuffer(raw, dtype=datatype.wire)
    if datatype.held.kind == "b" and values.view(np.uint8).max(initial=0) > 1:
        raise InvalidRequestError(f"input {spec.name!r}: a BOOL is a byte of 0 or 1")
    if not values.flags.aligned:
        values = values.copy()
    return reshaped(values, shape, spec)


def array_to_bytes(values: Array, datatype: Datatype) -> bytes:
    """What `array_from_bytes` reads."""
    return raw_from_text(values.reshape(-1).tolist()) if datatype.is_text else values.tobytes()


def array_to_json(values: Array, datatype: Datatype) -> Any:
    """The same shape of what orjson writes: an array of a type that it knows, or a list."""
    if datatype.is_text:
        return values.tolist()
    if datatype.name == "BF16":
        values = bfloat16_to_float32(values)
    return np.ascontiguousarray(values).reshape(values.shape)


def reshaped(values: Array, shape: Sequence[int], spec: TensorSpec) -> Array:
    """The same values in a shape of as many; where there are none, the other sizes may still be absurd.

    Raises:
        InvalidRequestError: no array can have this shape.
    """
    try:
        return values.reshape(shape)
    except ValueError:
        raise InvalidRequestError(f"input {spec.name!r}: no array can have the shape {list(shape)}") from None


def require_declared(datatype: Any, shape: Sequence[int], spec: TensorSpec) -> None:
    """Refuse a datatype or shape that the input does not have."""
    expected = DATATYPES[spec.dtype].name
    if datatype != expected:
        raise InvalidRequestError(f"input {spec.name!r}: expected datatype {expected}, got {datatype}")
    if not fits(shape, spec.shape):
        raise InvalidRequestError(f"input {spec.name!r}: expected shape {shown(spec.shape)}, got {list(shape)}")


def fits(shape: Sequence[int], expected: Sequence[int | str]) -> bool:
    """Whether a shape is one that an input can have; dynamic axes take any size."""
    return len(shape) == len(expected) and all(map(_takes, expected, shape))


def _takes(axis: int | str, size: int) -> bool:
    return axis == size or isinstance(axis, str)


def require_complete(arrays: Arrays, specs: Sequence[TensorSpec]) -> None:
    """Refuse a request without one of the inputs, or with two sizes for one dynamic axis."""
    sizes: dict[str, tuple[int, str]] = {}
    for spec in specs:
        if spec.name not in arrays:
            names = ", ".join(other.name for other in specs)
            raise InvalidRequestError(f"input {spec.name!r} is missing: this model takes {names}")
        for axis, size in zip(spec.shape, arrays[spec.name].shape, strict=True):
            if not isinstance(axis, str):
                continue
            known, owner = sizes.setdefault(axis, (size, spec.name))
            if known != size:
                raise InvalidRequestError(f"input {spec.name!r}: {axis} is {size}, but {known} in input {owner!r}")


def shown(shape: Sequence[int | str]) -> str:
    """A shape as in `[batch, 3, 224, 224]`."""
    return "[" + ", ".join(str(size) for size in shape) + "]"


def _flattened(value: Any, spec: TensorSpec) -> tuple[list[Any], tuple[int, ...]]:
    if not isinstance(value, list):
        return [value], ()
    shape = [len(value)]
    while value and isinstance(value[0], list):
        if set(map(type, value)) != {list} or len(set(map(len, value))) > 1:
            raise InvalidRequestError(f"input {spec.name!r}: the lists do not all have the same length")
        shape.append(len(value[0]))
        if len(shape) > len(spec.shape) + 1:
            raise InvalidRequestError(
                f"input {spec.name!r}: expected shape {shown(spec.shape)}, got lists nested {len(shape)} deep or more"
            )
        value = list(chain.from_iterable(value))
    return value, tuple(shape)


def _floats(values: list[Any], datatype: Datatype, spec: TensorSpec) -> Array:
    wide = np.frombuffer(array("d", values), dtype=np.float64)
    try:
        with np.errstate(over="raise"):
            if datatype.name == "BF16":
                return float32_to_bfloat16(wide.astype(np.float32))
            return wide.astype(datatype.held)
    except FloatingPointError:
        raise InvalidRequestError(f"input {spec.name!r}: a value is too large for {datatype.name}") from None


def _integers(values: list[Any], datatype: Datatype, spec: TensorSpec) -> Array:
    limits = np.iinfo(datatype.held)
    low, high = min(values, default=limits.min), max(values, default=limits.max)
    if low < limits.min or high > limits.max:
        raise InvalidRequestError(
            f"input {spec.name!r}: {low if low < limits.min else high} is outside of {datatype.name} "
            f"({limits.min} to {limits.max})"
        )
    return np.frombuffer(array(datatype.held.char, values), dtype=datatype.held)
