import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import orjson
import pytest

from slipway_contract.manifest import TensorDType, TensorSpec
from slipway_serving.datatypes import DATATYPES
from slipway_serving.errors import InvalidRequestError
from slipway_serving.protocol import InferRequest, decode_request, encode_answer

INPUTS = [
    TensorSpec(name="ids", dtype="int64", shape=["batch", 2]),
    TensorSpec(name="scale", dtype="float32", shape=["batch", 1]),
]
A = TensorSpec(name="a", dtype="float32", shape=["batch", "size"])
B = TensorSpec(name="b", dtype="int64", shape=["batch"])
OUTPUTS = [A, B]

IDS = {"name": "ids", "shape": [1, 2], "datatype": "INT64", "data": [3, 4]}
SCALE = {"name": "scale", "shape": [1, 1], "datatype": "FP32", "data": [0.5]}


def decode(*tensors: Any, blob: bytes = b"", **more: Any) -> InferRequest:
    head = json.dumps({"inputs": list(tensors), **more}).encode()
    return decode_request(head + blob, len(head) if blob else None, INPUTS, OUTPUTS)


def refusal(*tensors: Any, blob: bytes = b"", **more: Any) -> str:
    with pytest.raises(InvalidRequestError) as error:
        decode(*tensors, blob=blob, **more)
    return str(error.value)


def test_flat_and_nested_data_are_the_same_request() -> None:
    flat, nested = decode(IDS, SCALE), decode({**IDS, "data": [[3, 4]]}, {**SCALE, "data": [[0.5]]})
    for request in (flat, nested):
        assert request.inputs["ids"].tolist() == [[3, 4]]
        assert request.inputs["ids"].dtype == np.int64
        assert request.inputs["scale"].tolist() == [[0.5]]


def test_inputs_come_in_any_order() -> None:
    assert set(decode(SCALE, IDS).inputs) == {"ids", "scale"}


def test_all_outputs_in_json_unless_others_are_asked_for() -> None:
    assert decode(IDS, SCALE).outputs == [(A, False), (B, False)]
    assert decode(IDS, SCALE, outputs=[{"name": "b"}]).outputs == [(B, False)]
    assert decode(IDS, SCALE, outputs=[{"name": "b", "parameters": {"binary_data": True}}]).outputs == [(B, True)]
    assert decode(IDS, SCALE, parameters={"binary_data_output": True}).outputs == [(A, True), (B, True)]
    mixed = {"outputs": [{"name": "a", "parameters": {"binary_data": False}}, {"name": "b"}]}
    assert decode(IDS, SCALE, **mixed, parameters={"binary_data_output": True}).outputs == [(A, False), (B, True)]


def test_the_time_that_a_client_waits() -> None:
    assert decode(IDS, SCALE).timeout is None
    assert decode(IDS, SCALE, parameters={"timeout": 0}).timeout is None
    assert decode(IDS, SCALE, parameters={"timeout": 1_500_000}).timeout == 1.5


def test_each_tensor_is_binary_or_json_for_itself() -> None:
    ids = {"name": "ids", "shape": [1, 2], "datatype": "INT64", "parameters": {"binary_data_size": 16}}
    request = decode(ids, SCALE, blob=np.array([5, 6], dtype="<i8").tobytes())
    assert request.inputs["ids"].tolist() == [[5, 6]]
    assert request.inputs["scale"].tolist() == [[0.5]]


def test_the_header_alone_makes_no_tensor_binary() -> None:
    body = json.dumps({"inputs": [IDS, SCALE]}).encode()
    assert decode_request(body, len(body), INPUTS, OUTPUTS).inputs["ids"].tolist() == [[3, 4]]


@pytest.mark.parametrize(
    ("ids", "sentence"),
    [
        ({"datatype": "INT32"}, "input 'ids': expected datatype INT64, got INT32"),
        ({"datatype": "BYTES"}, "input 'ids': expected datatype INT64, got BYTES"),
        ({"shape": [1, 3]}, "input 'ids': expected shape [batch, 2], got [1, 3]"),
        ({"shape": [2]}, "input 'ids': expected shape [batch, 2], got [2]"),
        ({"shape": "1x2"}, "input 'ids': shape must be a list of sizes"),
        ({"shape": [True, 2]}, "input 'ids': shape must be a list of sizes"),
        ({"shape": [-1, 2]}, "input 'ids': shape must be a list of sizes"),
        ({"data": [1, 2, 3]}, "input 'ids': data of shape [3] does not fill the shape [1, 2] that it declares"),
        ({"data": [[1], [2]]}, "input 'ids': data of shape [2, 1] does not fill the shape [1, 2] that it declares"),
        ({"data": "3,4"}, "input 'ids': data must be a list, flat or nested"),
        ({"data": [1.5, 2]}, "input 'ids': expected integers, got fractions"),
        ({"name": "idz"}, "unknown input 'idz': this model has ids, scale"),
        ({"name": 5}, "unknown input 5: this model has ids, scale"),
        ({"shape": [2, 2], "data": [1, 2, 3, 4]}, "input 'scale': batch is 1, but 2 in input 'ids'"),
        ({"parameters": {"binary_data_size": 16}}, "input 'ids': binary_data_size is 16, but 0 bytes are left"),
        ({"parameters": []}, None),
        ({"parameters": [1]}, "ids: parameters must be an object"),
    ],
)
def test_a_bad_tensor_is_named_with_what_was_expected(ids: dict[str, Any], sentence: str | None) -> None:
    if sentence is None:
        decode(IDS | ids, SCALE)
    else:
        assert refusal(IDS | ids, SCALE) == sentence


def test_missing_and_doubled_inputs() -> None:
    assert refusal(IDS) == "input 'scale' is missing: this model takes ids, scale"
    assert refusal(IDS, IDS, SCALE) == "input 'ids' is given twice"


def test_bytes_that_belong_to_no_tensor() -> None:
    assert refusal(IDS, SCALE, blob=b"123") == "3 bytes follow the last input"


def test_a_binary_tensor_of_another_size_than_its_shape() -> None:
    ids = {**IDS, "parameters": {"binary_data_size": 8}}
    assert refusal(ids, SCALE, blob=bytes(8)) == "input 'ids': expected 16 bytes of INT64 for shape [1, 2], got 8"


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"id": 7}, "the request's id must be a string"),
        ({"outputs": [{"name": "c"}]}, "unknown output 'c': this model has a, b"),
        ({"outputs": {"name": "a"}}, "outputs must be a list"),
        ({"outputs": [{"name": "a"}, {"name": "a"}]}, "output 'a' is asked for twice"),
        (
            {"outputs": [{"name": "a", "parameters": {"binary_data": 1}}]},
            "a: the parameter binary_data must be true or false",
        ),
        (
            {"parameters": {"binary_data_output": "yes"}},
            "the request: the parameter binary_data_output must be true or false",
        ),
        ({"parameters": {"timeout": -1}}, "the parameter timeout must be a number of microseconds"),
        ({"parameters": {"timeout": "1s"}}, "the parameter timeout must be a number of microseconds"),
        (
            {"outputs": [{"name": "a", "parameters": {"classification": 3}}]},
            "output 'a': the classification extension is not supported",
        ),
    ],
)
def test_a_bad_request_around_good_tensors(more: dict[str, Any], sentence: str) -> None:
    assert refusal(IDS, SCALE, **more) == sentence


@pytest.mark.parametrize(
    ("body", "header_length", "sentence"),
    [
        (b"", None, "the request is not valid JSON"),
        (b"{", None, "the request is not valid JSON"),
        (b'{"inputs": [NaN]}', None, "the request is not valid JSON"),
        (b"[]", None, "the request must be a JSON object with a list of inputs"),
        (b"{}", None, "the request needs a list of inputs"),
        (b'{"inputs": [5]}', None, "unknown input None: this model has ids, scale"),
        (b"{}", 9, "Inference-Header-Content-Length is 9, but the body has 2 bytes"),
    ],
)
def test_bodies_that_are_no_request(body: bytes, header_length: int | None, sentence: str) -> None:
    with pytest.raises(InvalidRequestError, match=sentence):
        decode_request(body, header_length, INPUTS, OUTPUTS)


def answer_to(
    results: dict[TensorDType, Any], *, binary: Sequence[TensorDType] = (), request_id: str | None = None
) -> tuple[Any, bytes]:
    """The answer of a model with one output for each datatype, called as this is; its JSON and what follows."""
    outputs = [
        (TensorSpec(name=dtype, dtype=dtype, shape=list(values.shape)), dtype in binary)
        for dtype, values in results.items()
    ]
    request = InferRequest(id=request_id, inputs={}, outputs=outputs)
    answer = encode_answer("m", "1", request, {str(name): values for name, values in results.items()})
    length = len(answer.body) if answer.header_length is None else answer.header_length
    return orjson.loads(answer.body[:length]), answer.body[length:]


def test_an_answer_in_json() -> None:
    head, blob = answer_to({"float32": np.array([[1.5, 2.5]], dtype=np.float32)}, request_id="42")
    assert blob == b""
    assert head == {
        "model_name": "m",
        "model_version": "1",
        "id": "42",
        "outputs": [{"name": "float32", "datatype": "FP32", "shape": [1, 2], "data": [1.5, 2.5]}],
    }


@pytest.mark.parametrize("dtype", [dtype for dtype in DATATYPES if dtype not in ("bfloat16", "string")])
def test_every_type_of_numpy_is_written_in_json(dtype: TensorDType) -> None:
    values = np.array([[1, 0], [1, 1]], dtype=DATATYPES[dtype].held)
    head, _ = answer_to({dtype: values})
    assert head["outputs"][0]["data"] == values.reshape(-1).tolist()


def test_bfloat16_and_strings_are_written_as_numbers_and_strings() -> None:
    bits = np.array([0x3FC0, 0x7FC0], dtype=np.uint16)
    head, blob = answer_to({"bfloat16": bits, "string": np.array([["a", "é\0"]], dtype=object)})
    assert blob == b""
    assert [output["data"] for output in head["outputs"]] == [[1.5, None], ["a", "é\0"]]


def test_a_part_of_a_larger_array_is_written_row_by_row() -> None:
    head, _ = answer_to({"int64": np.arange(6).reshape(2, 3).T})
    assert head["outputs"][0]["data"] == [0, 3, 1, 4, 2, 5]


def test_nan_and_infinity_are_null_in_json_and_themselves_in_binary() -> None:
    values = np.array([np.nan, np.inf, 1.0], dtype=np.float32)
    head, _ = answer_to({"float32": values})
    assert head["outputs"][0]["data"] == [None, None, 1.0]
    _, blob = answer_to({"float32": values}, binary=["float32"])
    assert np.array_equal(np.frombuffer(blob, dtype="<f4"), values, equal_nan=True)


def test_binary_and_json_outputs_in_one_answer() -> None:
    results: dict[TensorDType, Any] = {
        "int64": np.array([3], dtype=np.int64),
        "int32": np.array([1, 2], dtype=np.int32),
        "string": np.array(["é", ""], dtype=object),
    }
    head, blob = answer_to(results, binary=["int64", "string"])
    assert head["outputs"] == [
        {"name": "int64", "datatype": "INT64", "shape": [1], "parameters": {"binary_data_size": 8}},
        {"name": "int32", "datatype": "INT32", "shape": [2], "data": [1, 2]},
        {"name": "string", "datatype": "BYTES", "shape": [2], "parameters": {"binary_data_size": 10}},
    ]
    assert blob == np.array([3], dtype="<i8").tobytes() + b"\x02\0\0\0\xc3\xa9\0\0\0\0"
