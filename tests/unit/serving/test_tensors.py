from typing import Any

import numpy as np
import pytest

from slipway_contract.manifest import TensorDType, TensorSpec
from slipway_serving.datatypes import DATATYPES
from slipway_serving.errors import InvalidRequestError
from slipway_serving.tensors import array_from_bytes, array_from_json, array_to_bytes, fits, require_complete


def spec(dtype: TensorDType = "float32", shape: list[int | str] | None = None, name: str = "x") -> TensorSpec:
    return TensorSpec(name=name, dtype=dtype, shape=["batch"] if shape is None else shape)


SAMPLES: dict[str, list[Any]] = {"bool": [True, False], "string": ["é\0", ""], "bfloat16": [0, 1]}


@pytest.mark.parametrize("dtype", list(DATATYPES))
def test_every_type_reads_its_own_values(dtype: TensorDType) -> None:
    array = array_from_json(SAMPLES.get(dtype, [0, 1, 2]), spec(dtype))
    assert array.dtype == DATATYPES[dtype].held
    assert array.tolist() == ([0, 0x3F80] if dtype == "bfloat16" else SAMPLES.get(dtype, [0, 1, 2]))


@pytest.mark.parametrize("dtype", list(DATATYPES))
def test_every_type_reads_the_bytes_that_it_writes(dtype: TensorDType) -> None:
    values = np.array(SAMPLES.get(dtype, [1, 0, 1]), dtype=DATATYPES[dtype].held)
    raw = array_to_bytes(values, DATATYPES[dtype])
    array = array_from_bytes(memoryview(raw), values.shape, spec(dtype))
    assert array.dtype == DATATYPES[dtype].held
    assert array.tolist() == values.tolist()


@pytest.mark.parametrize(
    ("raw", "count", "sentence"),
    [
        (b"\1\0\0\0a", 2**40, "5 bytes cannot hold 1099511627776 strings"),
        (b"\5\0\0\0abcd", 2, "8 bytes end within string 0 of 2"),
        (b"\4\0\0\0abcd\0", 2, "9 bytes end before string 1 of 2 begins"),
        (b"\1\0\0\0ab", 1, "1 bytes follow the last of 1 strings"),
        (b"\1\0\0\0\xff", 1, "string 0 is not UTF-8"),
    ],
)
def test_bytes_that_are_no_strings(raw: bytes, count: int, sentence: str) -> None:
    with pytest.raises(InvalidRequestError) as refusal:
        array_from_bytes(memoryview(raw), [count], spec("string"))
    assert str(refusal.value) == f"input 'x': {sentence}"


def test_a_bool_of_two_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="a BOOL is a byte of 0 or 1"):
        array_from_bytes(memoryview(b"\1\2"), [2], spec("bool"))


def test_a_long_string_among_numbers_costs_no_more_than_itself() -> None:
    """NumPy would make an array of strings that are all as long as the longest: here 40 TB."""
    with pytest.raises(InvalidRequestError, match="expected numbers, got strings"):
        array_from_json(["x" * 10_000_000, *[0.5] * 1_000_000], spec())
    assert array_from_json(["x" * 1_000_000, *[""] * 100_000], spec("string")).size == 100_001


@pytest.mark.parametrize(
    ("dtype", "value", "sentence"),
    [
        ("float32", [[1.0], [2.0, 3.0]], "input 'x': the lists do not all have the same length"),
        ("float32", ["1"], "input 'x': expected numbers, got strings"),
        ("float32", [True], "input 'x': expected numbers, got booleans"),
        ("float32", [None, 1.0], "input 'x': expected numbers, got null, an object or a list"),
        ("float32", [{}], "input 'x': expected numbers, got null, an object or a list"),
        ("float32", [1e39], "input 'x': a value is too large for FP32"),
        ("float16", [70000], "input 'x': a value is too large for FP16"),
        ("int64", [1.5], "input 'x': expected integers, got fractions"),
        ("int64", [2**63], f"input 'x': {2**63} is outside of INT64 ({-(2**63)} to {2**63 - 1})"),
        ("int8", [-129, 5], "input 'x': -129 is outside of INT8 (-128 to 127)"),
        ("uint8", [256], "input 'x': 256 is outside of UINT8 (0 to 255)"),
        ("bool", [1], "input 'x': expected true or false, got integers"),
        ("uint64", [-1], f"input 'x': -1 is outside of UINT64 (0 to {2**64 - 1})"),
        ("int64", [1, 2**70], f"input 'x': {2**70} is outside of INT64 ({-(2**63)} to {2**63 - 1})"),
        ("bfloat16", [1e39], "input 'x': a value is too large for BF16"),
        ("string", ["a", 1], "input 'x': expected strings, got integers"),
        ("float32", [1.0, [2.0]], "input 'x': expected numbers, got null, an object or a list"),
        ("float32", [[1.0], 2.0], "input 'x': the lists do not all have the same length"),
        ("float32", [[[1.0]]], "input 'x': expected shape [batch], got lists nested 3 deep or more"),
    ],
)
def test_values_that_do_not_fit_are_refused_and_never_bent(dtype: TensorDType, value: Any, sentence: str) -> None:
    with pytest.raises(InvalidRequestError) as refusal:
        array_from_json(value, spec(dtype))
    assert str(refusal.value) == sentence


def test_no_values_at_all_are_an_empty_array_of_the_type() -> None:
    assert array_from_json([], spec("int64")).dtype == np.int64


def test_bytes_must_fill_the_shape_exactly() -> None:
    with pytest.raises(InvalidRequestError, match=r"expected 24 bytes of FP32 for shape \[2, 3\], got 20"):
        array_from_bytes(memoryview(bytes(20)), [2, 3], spec())


@pytest.mark.parametrize("shape", [[2**32, 2**32], [2**40, 2**24], [0, 2**62, 2**62], [2**70, 0]])
def test_absurd_shapes_are_refused_before_anything_is_allocated(shape: list[int]) -> None:
    with pytest.raises(InvalidRequestError, match=f"{2**70}|{2**62}|{2**40}|{2**32}"):
        array_from_bytes(memoryview(b""), shape, spec())


def test_bytes_at_an_odd_offset_are_aligned() -> None:
    raw = b"{" + np.array([1.5, 2.5], dtype="<f4").tobytes()
    array = array_from_bytes(memoryview(raw)[1:], [2], spec())
    assert array.flags.aligned
    assert array.tolist() == [1.5, 2.5]


@pytest.mark.parametrize(
    ("shape", "expected", "does"),
    [
        ([2, 3], ["batch", 3], True),
        ([2, 4], ["batch", 3], False),
        ([3], ["batch", 3], False),
        ([], [], True),
        ([1, 9], [1, "length"], True),
    ],
)
def test_a_dynamic_axis_takes_any_size_and_a_fixed_one_its_own(
    shape: list[int], expected: list[int | str], does: bool
) -> None:
    assert fits(shape, expected) is does


def test_one_dynamic_axis_has_one_size() -> None:
    specs = [spec(name="ids", shape=["batch", "length"]), spec(name="mask", shape=["batch", "length"])]
    require_complete({"ids": np.zeros((2, 5)), "mask": np.zeros((2, 5))}, specs)
    with pytest.raises(InvalidRequestError, match="input 'mask': length is 4, but 5 in input 'ids'"):
        require_complete({"ids": np.zeros((2, 5)), "mask": np.zeros((2, 4))}, specs)
