from typing import Any

import numpy as np
import pytest

from slipway_contract.manifest import DType, TensorSpec
from slipway_serving.errors import InvalidRequestError
from slipway_serving.tensors import DATATYPES, array_from_bytes, array_from_json, fits, require_consistent


def spec(dtype: DType = "float32", shape: list[int | str] | None = None, name: str = "x") -> TensorSpec:
    return TensorSpec(name=name, dtype=dtype, shape=["batch"] if shape is None else shape)


@pytest.mark.parametrize("dtype", list(DATATYPES))
def test_every_type_reads_its_own_numbers(dtype: DType) -> None:
    values = [True, False] if dtype == "bool" else [0, 1, 2]
    array = array_from_json(values, spec(dtype))
    assert array.dtype == dtype
    assert array.tolist() == values


@pytest.mark.parametrize("dtype", list(DATATYPES))
def test_every_type_reads_its_own_bytes(dtype: DType) -> None:
    values = np.array([1, 0, 1], dtype=dtype)
    array = array_from_bytes(memoryview(values.tobytes()), [3], spec(dtype))
    assert array.dtype == dtype
    assert array.tolist() == values.tolist()


@pytest.mark.parametrize(
    ("dtype", "value", "sentence"),
    [
        ("float32", [[1.0], [2.0, 3.0]], "input 'x': the lists do not all have the same length"),
        ("float32", ["1"], "input 'x': expected numbers, got strings"),
        ("float32", [True], "input 'x': expected numbers, got booleans"),
        ("float32", [None, 1.0], "input 'x': expected numbers, got null, an object or an integer beyond 64 bits"),
        ("float32", [{}], "input 'x': expected numbers, got null, an object or an integer beyond 64 bits"),
        ("float32", [1e39], "input 'x': a value is too large for FP32"),
        ("float16", [70000], "input 'x': a value is too large for FP16"),
        ("int64", [1.5], "input 'x': expected integers, got fractions"),
        ("int64", [2**63], f"input 'x': {2**63} is outside of INT64 ({-(2**63)} to {2**63 - 1})"),
        ("int8", [-129, 5], "input 'x': -129 is outside of INT8 (-128 to 127)"),
        ("uint8", [256], "input 'x': 256 is outside of UINT8 (0 to 255)"),
        ("bool", [1], "input 'x': expected true or false, got integers"),
    ],
)
def test_values_that_do_not_fit_are_refused_and_never_bent(dtype: DType, value: Any, sentence: str) -> None:
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
    require_consistent({"ids": np.zeros((2, 5)), "mask": np.zeros((2, 5))}, specs)
    with pytest.raises(InvalidRequestError, match="input 'mask': length is 4, but 5 in input 'ids'"):
        require_consistent({"ids": np.zeros((2, 5)), "mask": np.zeros((2, 4))}, specs)
