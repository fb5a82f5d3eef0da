"""Triton's gRPC clients work unchanged: blocking, asyncio and streams."""

import queue
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import tritonclient.grpc
import tritonclient.grpc.aio
from support.serving import ServingProcess
from tritonclient.utils import InferenceServerException

X = np.random.default_rng(3).normal(size=(2, 64)).astype(np.float32)


@pytest.fixture(scope="module")
def target(mlp_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with ServingProcess(mlp_folder, tmp_path_factory.mktemp("grpc") / "log") as server:
        server.wait_ready()
        yield server.grpc_target


@pytest.fixture
def client(target: str) -> Iterator[Any]:
    with tritonclient.grpc.InferenceServerClient(target) as client:
        yield client


@pytest.fixture(scope="module")
def expected(mlp_folder: Path) -> Any:
    session = onnxruntime.InferenceSession(str(mlp_folder / "model.onnx"), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": X})[0]


def input_of(values: Any) -> Any:
    tensor = tritonclient.grpc.InferInput("x", list(values.shape), "FP32")
    tensor.set_data_from_numpy(values)
    return tensor


def test_health_and_metadata(client: Any) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("mlp")
    assert client.is_model_ready("mlp", "1")
    assert client.get_server_metadata().name == "slipway"
    metadata = client.get_model_metadata("mlp", as_json=True)
    assert metadata["inputs"] == [{"name": "x", "datatype": "FP32", "shape": ["-1", "64"]}]
    config = client.get_model_config("mlp").config
    assert config.backend == "onnxruntime"
    assert config.input[0].data_type == 11
    assert [(model.name, model.state) for model in client.get_model_repository_index().models] == [("mlp", "READY")]


def test_infer(client: Any, expected: Any) -> None:
    result = client.infer("mlp", [input_of(X)], request_id="7", client_timeout=60, compression_algorithm="gzip")
    np.testing.assert_allclose(result.as_numpy("logits"), expected, rtol=1e-5)
    assert result.get_response().id == "7"
    wanted = [tritonclient.grpc.InferRequestedOutput("logits")]
    again = client.infer("mlp", [input_of(X)], outputs=wanted, model_version="1", timeout=60_000_000)
    np.testing.assert_allclose(again.as_numpy("logits"), expected, rtol=1e-5)


def test_statistics_count_what_was_asked(client: Any) -> None:
    before = client.get_inference_statistics("mlp").model_stats[0]
    client.infer("mlp", [input_of(X)])
    after = client.get_inference_statistics("mlp", "1").model_stats[0]
    assert after.inference_count == before.inference_count + 2
    assert after.inference_stats.success.count == before.inference_stats.success.count + 1


def test_a_callback_hears_of_an_asynchronous_call(client: Any, expected: Any) -> None:
    heard: queue.Queue[tuple[Any, Any]] = queue.Queue()
    client.async_infer("mlp", [input_of(X)], callback=lambda result, error: heard.put((result, error)))
    result, error = heard.get(timeout=60)
    assert error is None
    np.testing.assert_allclose(result.as_numpy("logits"), expected, rtol=1e-5)


def test_a_stream_answers_in_order_and_outlives_an_error(client: Any, expected: Any) -> None:
    heard: queue.Queue[tuple[Any, Any]] = queue.Queue()
    client.start_stream(callback=lambda result, error: heard.put((result, error)))
    client.async_stream_infer("mlp", [input_of(X)], request_id="0")
    client.async_stream_infer("other", [input_of(X)], request_id="1")
    client.async_stream_infer("mlp", [input_of(X)], request_id="2", enable_empty_final_response=True)
    answers = [heard.get(timeout=60) for _ in range(3)]
    client.stop_stream()
    assert [result.get_response().id if result else str(error) for result, error in answers] == [
        "0",
        "unknown model 'other': this server has 'mlp'",
        "2",
    ]
    np.testing.assert_allclose(answers[2][0].as_numpy("logits"), expected, rtol=1e-5)
    assert answers[2][0].get_response().parameters["triton_final_response"].bool_param


async def test_the_asyncio_client(target: str, expected: Any) -> None:
    async with tritonclient.grpc.aio.InferenceServerClient(target) as client:
        assert await client.is_server_ready()
        result = await client.infer("mlp", [input_of(X)])
        np.testing.assert_allclose(result.as_numpy("logits"), expected, rtol=1e-5)

        async def requests() -> AsyncIterator[dict[str, Any]]:
            for number in range(5):
                yield {"model_name": "mlp", "inputs": [input_of(X)], "request_id": str(number)}

        answers = [answer async for answer in client.stream_infer(requests())]
    assert [error for _, error in answers] == [None] * 5
    assert [result.get_response().id for result, _ in answers] == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        ({"model_name": "other"}, "NOT_FOUND", "unknown model 'other': this server has 'mlp'"),
        ({"model_version": "9"}, "NOT_FOUND", "unknown version '9' of 'mlp': this server has '1'"),
        (
            {"inputs": [input_of(np.zeros((2, 63), dtype=np.float32))]},
            "INVALID_ARGUMENT",
            "input 'x': expected shape [batch, 64], got [2, 63]",
        ),
        ({"inputs": []}, "INVALID_ARGUMENT", "input 'x' is missing: this model takes x"),
    ],
)
def test_errors_have_a_status_and_a_sentence(
    client: Any, arguments: dict[str, Any], status: str, sentence: str
) -> None:
    with pytest.raises(InferenceServerException) as error:
        client.infer(**{"model_name": "mlp", "inputs": [input_of(X)]} | arguments)
    assert error.value.status() == f"StatusCode.{status}"
    assert error.value.message() == sentence


def test_what_this_server_does_not_do_is_unimplemented(client: Any) -> None:
    with pytest.raises(InferenceServerException) as error:
        client.load_model("mlp")
    assert error.value.status() == "StatusCode.UNIMPLEMENTED"
