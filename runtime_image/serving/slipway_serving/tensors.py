"""Arrays that fit a model's inputs, from JSON or bytes; every refusal names the tensor and what was expected."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from slipway_contract.manifest import TensorSpec
from slipway_serving.errors import InvalidRequestError

Array = np.ndarray[Any, Any]
Arrays = dict[str, Array]

DATATYPES: Mapping[str, str] = {
    "bool": "BOOL",
    "int8": "INT8",
    "uint8": "UINT8",
    "int16": "INT16",
    "int32": "INT32",
    "int64": "INT64",
    "float16": "FP16",
    "float32": "FP32",
    "float64": "FP64",
}
"""Names in the Open Inference Protocol by names in the manifest."""

# Which kinds of number JSON may write for an array of a kind: an integer is a float, a float is no integer.
_ACCEPTED_KINDS = {"f": "fiu", "i": "iu", "u": "iu", "b": "b"}


def array_from_json(value: Any, spec: TensorSpec) -> Array:
    """Array of the input's type from a (nested) list of numbers; its shape is the nesting.

    Raises:
        InvalidRequestError: ragged, not numbers, null, or out of the type's range.
    """
    target = np.dtype(spec.dtype)
    try:
        natural = np.array(value)
    except ValueError:
        raise InvalidRequestError(f"input {spec.name!r}: the lists do not all have the same length") from None
    if natural.size == 0:
        return natural.astype(target)
    if natural.dtype.kind not in _ACCEPTED_KINDS[target.kind]:
        raise InvalidRequestError(f"input {spec.name!r}: expected {_described(target)}, got {_found(natural)}")
    if target.kind in "iu":
        _require_range(natural, target, spec)
    try:
        with np.errstate(over="raise"):
            return natural.astype(target, copy=False)
    except FloatingPointError:
        raise InvalidRequestError(f"input {spec.name!r}: a value is too large for {DATATYPES[spec.dtype]}") from None


def array_from_bytes(raw: memoryview, shape: Sequence[int], spec: TensorSpec) -> Array:
    """Array over little-endian, row-major bytes, copied only if they are not aligned."""
    target = np.dtype(spec.dtype).newbyteorder("<")
    expected = math.prod(shape) * target.itemsize  # in Python's integers: NumPy's would wrap around
    if len(raw) != expected:
        raise InvalidRequestError(
            f"input {spec.name!r}: expected {expected} bytes of {DATATYPES[spec.dtype]} for shape {list(shape)}, "
            f"got {len(raw)}"
        )
    return np.require(reshaped(np.frombuffer(raw, dtype=target), shape, spec), requirements=["A", "C"])


def reshaped(array: Array, shape: Sequence[int], spec: TensorSpec) -> Array:
    """The same values in a shape of as many; where there are none, the other sizes may still be absurd.

    Raises:
        InvalidRequestError: no array can have this shape.
    """
    try:
        return array.reshape(shape)
    except ValueError:
        raise InvalidRequestError(f"input {spec.name!r}: no array can have the shape {list(shape)}") from None


def fits(shape: Sequence[int], expected: Sequence[int | str]) -> bool:
    """Whether a shape is one that an input can have; dynamic axes take any size."""
    return len(shape) == len(expected) and all(
        isinstance(size, str) or size == got for size, got in zip(expected, shape, strict=True)
    )


def require_consistent(arrays: Arrays, specs: Sequence[TensorSpec]) -> None:
    """Refuse inputs that give one dynamic axis two sizes."""
    sizes: dict[str, tuple[int, str]] = {}
    for spec in specs:
        for axis, size in zip(spec.shape, arrays[spec.name].shape, strict=True):
            if not isinstance(axis, str):
                continue
            known, owner = sizes.setdefault(axis, (size, spec.name))
            if known != size:
                raise InvalidRequestError(f"input {spec.name!r}: {axis} is {size}, but {known} in input {owner!r}")


def shown(shape: Sequence[int | str]) -> str:
    """A shape as in `[batch, 3, 224, 224]`."""
    return "[" + ", ".join(str(size) for size in shape) + "]"


def _require_range(natural: Array, target: np.dtype[Any], spec: TensorSpec) -> None:
    limits = np.iinfo(target)
    low, high = int(natural.min()), int(natural.max())
    if low < limits.min or high > limits.max:
        raise InvalidRequestError(
            f"input {spec.name!r}: {low if low < limits.min else high} is outside of {DATATYPES[spec.dtype]} "
            f"({limits.min} to {limits.max})"
        )


def _described(target: np.dtype[Any]) -> str:
    return {"f": "numbers", "i": "integers", "u": "integers", "b": "true or false"}[target.kind]


def _found(natural: Array) -> str:
    kinds = {"f": "fractions", "i": "integers", "u": "integers", "b": "booleans", "U": "strings"}
    return kinds.get(natural.dtype.kind, "null, an object or an integer beyond 64 bits")
