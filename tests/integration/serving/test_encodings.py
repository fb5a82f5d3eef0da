"""Any tensor of any datatype and shape comes back as it went through every encoding, by Triton's client.

One request carries a tensor of each datatype, every one of a shape of its own.
"""

import asyncio
import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import numpy as np
import orjson
import pytest
import tritonclient.grpc
import tritonclient.http
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from ml_dtypes import bfloat16
from support.artifacts import build_identity, write_artifact
from support.serving_app import client_of, loaded_plane
from tritonclient.grpc import service_pb2

from slipway_serving.dataplane import DataPlane
from slipway_serving.datatypes import DATATYPES
from slipway_serving.grpc_server import GrpcServer

RANKS = range(4)
RAW_ALONE = {"float16", "bfloat16"}

Tensors = dict[str, Any]

unhurried = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def tensors(dtypes: list[str], *, finite: bool = False) -> st.SearchStrategy[Tensors]:
    """One tensor of each datatype as a client holds it, all of one rank."""

    def of(dtype: str, rank: int) -> st.SearchStrategy[Any]:
        shape = st.tuples(*[st.integers(0, 4)] * rank)
        if dtype == "string":
            return npst.arrays(object, shape, elements=st.text(max_size=9), fill=st.nothing())
        if dtype == "bfloat16":
            elements = st.floats(width=16, allow_nan=not finite, allow_infinity=not finite)
            return npst.arrays(np.float32, shape, elements=elements).map(lambda values: values.astype(bfloat16))
        held = DATATYPES[dtype].held  # type: ignore[index]
        elements = {"allow_nan": False, "allow_infinity": False} if finite and held.kind == "f" else None
        return npst.arrays(held, shape, elements=elements)

    return st.sampled_from(RANKS).flatmap(
        lambda rank: st.fixed_dictionaries({dtype: of(dtype, rank) for dtype in dtypes})
    )


# ONNX Runtime takes no strings beside bfloat16.
NUMBERS = [str(dtype) for dtype in DATATYPES if dtype != "string"]
TYPED = [str(dtype) for dtype in DATATYPES if dtype not in RAW_ALONE]


@pytest.fixture(scope="module")
def planes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[tuple[int, int], DataPlane]]:
    """By number of datatypes and rank: models that give back what they get."""
    with ExitStack() as stack:
        served = {}
        for dtypes in (NUMBERS, TYPED):
            for rank in RANKS:
                folder = tmp_path_factory.mktemp("identity")
                write_artifact(folder, build_identity({dtype: dtype for dtype in dtypes}, rank), name="identity")
                served[len(dtypes), rank] = stack.enter_context(loaded_plane(folder))
        yield served


@pytest.fixture(scope="module")
def clients(planes: dict[tuple[int, int], DataPlane]) -> Iterator[dict[tuple[int, int], Any]]:
    with ExitStack() as stack:
        connected = {}
        for key, plane in planes.items():
            server = GrpcServer(plane, "127.0.0.1", 0)
            stack.callback(server.stop, 0)
            client = tritonclient.grpc.InferenceServerClient(f"127.0.0.1:{server.port}")
            connected[key] = stack.enter_context(client)
        yield connected


def key_of(given_tensors: Tensors) -> tuple[int, int]:
    return len(given_tensors), next(iter(given_tensors.values())).ndim


def require_same(given_tensors: Tensors, read: Callable[[str], Any]) -> None:
    for dtype, expected in given_tensors.items():
        got = read(f"{dtype}_out")
        if dtype == "string":
            # From JSON the client gives strings, from bytes it gives bytes.
            texts = [value.decode() if isinstance(value, bytes) else value for value in got.reshape(-1)]
            assert texts == expected.reshape(-1).tolist()
        else:
            assert got.dtype == expected.dtype, dtype
            assert np.array_equal(got, expected, equal_nan=got.dtype.kind == "f"), dtype
            assert got.dtype.kind == "f" or got.tobytes() == expected.tobytes(), dtype
        assert got.shape == expected.shape, dtype


def as_bytes(values: Any) -> Any:
    encoded = np.array([value.encode() for value in values.reshape(-1)], dtype=object)
    return encoded.reshape(values.shape)


def triton_inputs(module: Any, given_tensors: Tensors, **options: Any) -> list[Any]:
    inputs = []
    for dtype, values in given_tensors.items():
        tensor = module.InferInput(dtype, list(values.shape), DATATYPES[dtype].name)  # type: ignore[index]
        tensor.set_data_from_numpy(as_bytes(values) if dtype == "string" else values, **options)
        inputs.append(tensor)
    return inputs


def post(plane: DataPlane, body: bytes, header_length: int | None) -> Any:
    async def ask() -> Any:
        headers = {} if header_length is None else {"Inference-Header-Content-Length": str(header_length)}
        async with client_of(plane) as client:
            response = await client.post("/v2/models/identity/infer", content=body, headers=headers)
        assert response.status_code == 200, response.text
        length = response.headers.get("inference-header-content-length")
        return response.content, None if length is None else int(length)

    return asyncio.run(ask())


def http_result(plane: DataPlane, inputs: list[Any], outputs: list[Any]) -> Any:
    body, header_length = tritonclient.http.InferenceServerClient.generate_request_body(inputs, outputs=outputs)
    content, length = post(plane, body, header_length)
    return tritonclient.http.InferenceServerClient.parse_response_body(content, header_length=length)


@unhurried
@given(given_tensors=tensors(NUMBERS) | tensors(TYPED))
def test_rest_in_binary(planes: dict[tuple[int, int], DataPlane], given_tensors: Tensors) -> None:
    wanted = [tritonclient.http.InferRequestedOutput(f"{dtype}_out", binary_data=True) for dtype in given_tensors]
    inputs = triton_inputs(tritonclient.http, given_tensors, binary_data=True)
    require_same(given_tensors, http_result(planes[key_of(given_tensors)], inputs, wanted).as_numpy)


@unhurried
@given(given_tensors=tensors(TYPED, finite=True), binary=st.sets(st.sampled_from(TYPED)))
def test_rest_in_json_and_mixed(
    planes: dict[tuple[int, int], DataPlane], given_tensors: Tensors, binary: set[str]
) -> None:
    inputs = [
        tensor
        for dtype, values in given_tensors.items()
        for tensor in triton_inputs(tritonclient.http, {dtype: values}, binary_data=dtype in binary)
    ]
    wanted = [
        tritonclient.http.InferRequestedOutput(f"{dtype}_out", binary_data=dtype not in binary)
        for dtype in given_tensors
    ]
    require_same(given_tensors, http_result(planes[key_of(given_tensors)], inputs, wanted).as_numpy)


@unhurried
@given(given_tensors=tensors(NUMBERS, finite=True) | tensors(TYPED, finite=True), nested=st.booleans())
def test_rest_in_json_of_every_datatype(
    planes: dict[tuple[int, int], DataPlane], given_tensors: Tensors, nested: bool
) -> None:
    """FP16 and BF16 as numbers, which Triton's client refuses to write."""
    inputs = [
        {
            "name": dtype,
            "datatype": DATATYPES[dtype].name,  # type: ignore[index]
            "shape": list(values.shape),
            "data": values.tolist() if nested and values.ndim else values.reshape(-1).tolist(),
        }
        for dtype, values in given_tensors.items()
    ]
    content, length = post(planes[key_of(given_tensors)], orjson.dumps({"inputs": inputs}), None)
    assert length is None
    outputs = {output["name"]: output for output in orjson.loads(content)["outputs"]}
    for dtype, values in given_tensors.items():
        output = outputs[f"{dtype}_out"]
        assert output["shape"] == list(values.shape)
        assert np.array(output["data"], dtype=values.dtype).tolist() == values.reshape(-1).tolist(), dtype


@unhurried
@given(given_tensors=tensors(NUMBERS) | tensors(TYPED))
def test_grpc_in_raw_contents(clients: dict[tuple[int, int], Any], given_tensors: Tensors) -> None:
    result = clients[key_of(given_tensors)].infer("identity", triton_inputs(tritonclient.grpc, given_tensors))
    require_same(given_tensors, result.as_numpy)


@unhurried
@given(given_tensors=tensors(TYPED))
def test_grpc_in_typed_contents(clients: dict[tuple[int, int], Any], given_tensors: Tensors) -> None:
    client = clients[key_of(given_tensors)]
    request = service_pb2.ModelInferRequest(model_name="identity")
    for dtype, values in given_tensors.items():
        datatype = DATATYPES[dtype]  # type: ignore[index]
        tensor = request.inputs.add(name=dtype, datatype=datatype.name, shape=values.shape)
        flat = values.reshape(-1).tolist()
        contents = [value.encode() for value in flat] if datatype.is_text else flat
        getattr(tensor.contents, datatype.contents).extend(contents)
    answer = client._client_stub.ModelInfer(request)
    assert not answer.raw_output_contents
    outputs = {output.name: output for output in answer.outputs}
    for dtype, values in given_tensors.items():
        output = outputs[f"{dtype}_out"]
        got = list(getattr(output.contents, DATATYPES[dtype].contents))  # type: ignore[index]
        flat = values.reshape(-1).tolist()
        expected = [value.encode() for value in flat] if dtype == "string" else flat
        assert list(output.shape) == list(values.shape)
        assert all(a == b or (math.isnan(a) and math.isnan(b)) for a, b in zip(got, expected, strict=True)), dtype
