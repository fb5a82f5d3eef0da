import json
from typing import Any

import numpy as np
import pytest

from slipway_contract.manifest import TensorSpec
from slipway_serving.errors import InvalidRequestError
from slipway_serving.predict import decode_prediction, encode_prediction

ONE = [TensorSpec(name="x", dtype="float32", shape=["batch", 2])]
TWO = [TensorSpec(name="x", dtype="float32", shape=["batch", 2]), TensorSpec(name="n", dtype="int64", shape=["batch"])]
FIXED = [TensorSpec(name="x", dtype="float32", shape=[4, 2])]


def decode(value: Any, inputs: list[TensorSpec]) -> tuple[dict[str, Any], bool]:
    arrays, single = decode_prediction(json.dumps(value).encode(), inputs)
    return {name: array.tolist() for name, array in arrays.items()}, single


def refusal(value: Any, inputs: list[TensorSpec]) -> str:
    with pytest.raises(InvalidRequestError) as error:
        decode(value, inputs)
    return str(error.value)


def test_a_list_is_the_only_input() -> None:
    assert decode([[1, 2], [3, 4]], ONE) == ({"x": [[1.0, 2.0], [3.0, 4.0]]}, False)


def test_a_list_that_lacks_the_batch_axis_is_a_single_sample() -> None:
    assert decode([1, 2], ONE) == ({"x": [[1.0, 2.0]]}, True)


def test_an_object_gives_inputs_by_name() -> None:
    assert decode({"x": [[1, 2]]}, ONE) == ({"x": [[1.0, 2.0]]}, False)
    assert decode({"n": [7], "x": [[1, 2]]}, TWO) == ({"x": [[1.0, 2.0]], "n": [7]}, False)
    assert decode({"n": 7, "x": [1, 2]}, TWO) == ({"x": [[1.0, 2.0]], "n": [7]}, True)


@pytest.mark.parametrize(
    ("value", "inputs", "sentence"),
    [
        ([1, 2, 3], ONE, "input 'x': expected shape [batch, 2] or [2], got [3]"),
        ([[[1, 2]]], ONE, "input 'x': expected shape [batch, 2] or [2], got [1, 1, 2]"),
        ([1, 2], FIXED, "input 'x': expected shape [4, 2], got [2]"),
        ("text", ONE, "input 'x': expected numbers, got strings"),
        ([[1, 2]], TWO, "this model has several inputs: send an object with x, n"),
        ({"x": [[1, 2]]}, TWO, "input 'n' is missing: this model takes x, n"),
        ({"y": [[1, 2]]}, ONE, "unknown input 'y': this model takes x"),
        ({"x": [[1, 2]], "n": 7}, TWO, "send every input as a batch or every input as a single sample, not both"),
        ({"x": [[1, 2]], "n": [7, 8]}, TWO, "input 'n': batch is 2, but 1 in input 'x'"),
    ],
)
def test_what_does_not_fit_is_refused(value: Any, inputs: list[TensorSpec], sentence: str) -> None:
    assert refusal(value, inputs) == sentence


def outputs(results: dict[str, Any]) -> list[TensorSpec]:
    return [
        TensorSpec.model_validate({"name": name, "dtype": values.dtype.name, "shape": list(values.shape)})
        for name, values in results.items()
    ]


def test_answers_have_the_form_of_the_request() -> None:
    results = {"y": np.array([[1.5, 2.5]], dtype=np.float32)}
    assert encode_prediction(results, outputs(results), single=False) == b"[[1.5,2.5]]"
    assert encode_prediction(results, outputs(results), single=True) == b"[1.5,2.5]"
    label = {"y": np.array([2], dtype=np.int64)}
    assert encode_prediction(label, outputs(label), single=True) == b"2"


def test_several_outputs_come_by_name() -> None:
    results: dict[str, Any] = {"y": np.array([[1.5]], dtype=np.float16), "label": np.array([3], dtype=np.int64)}
    assert json.loads(encode_prediction(results, outputs(results), single=False)) == {"y": [[1.5]], "label": [3]}
    assert json.loads(encode_prediction(results, outputs(results), single=True)) == {"y": [1.5], "label": 3}


def test_nan_is_null() -> None:
    results = {"y": np.array([np.nan], dtype=np.float32)}
    assert encode_prediction(results, outputs(results), single=True) == b"null"
