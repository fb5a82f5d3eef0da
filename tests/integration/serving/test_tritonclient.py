"""A Triton client works unchanged: with binary tensors, as is its default, and with JSON."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import tritonclient.http
import tritonclient.http.aio
from support.serving import serving
from tritonclient.utils import InferenceServerException

X = np.random.default_rng(3).normal(size=(2, 64)).astype(np.float32)


@pytest.fixture(scope="module")
def url(mlp_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(mlp_folder, tmp_path_factory.mktemp("triton") / "log") as url:
        yield url


@pytest.fixture
def client(url: str) -> Iterator[Any]:
    with tritonclient.http.InferenceServerClient(url.removeprefix("http://")) as client:
        yield client


@pytest.fixture(scope="module")
def expected(mlp_folder: Path) -> Any:
    session = onnxruntime.InferenceSession(str(mlp_folder / "model.onnx"), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": X})[0]


def input_of(values: Any, *, binary: bool) -> Any:
    tensor = tritonclient.http.InferInput("x", list(values.shape), "FP32")
    tensor.set_data_from_numpy(values, binary_data=binary)
    return tensor


def test_health_and_metadata(client: Any) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("mlp")
    assert not client.is_model_ready("other")
    assert client.get_server_metadata()["name"] == "slipway"
    assert client.get_model_metadata("mlp")["inputs"][0]["shape"] == [-1, 64]
    assert client.get_model_config("mlp")["backend"] == "onnxruntime"


@pytest.mark.parametrize("binary_in", [True, False])
@pytest.mark.parametrize("binary_out", [True, False, None])
def test_infer(client: Any, expected: Any, binary_in: bool, binary_out: bool | None) -> None:
    outputs = None if binary_out is None else [tritonclient.http.InferRequestedOutput("logits", binary_data=binary_out)]
    result = client.infer("mlp", [input_of(X, binary=binary_in)], outputs=outputs, request_id="7")
    np.testing.assert_allclose(result.as_numpy("logits"), expected, rtol=1e-5)
    assert result.get_response()["id"] == "7"


@pytest.mark.parametrize("algorithm", ["gzip", "deflate"])
@pytest.mark.parametrize("binary", [True, False])
def test_compressed_both_ways(client: Any, expected: Any, algorithm: str, binary: bool) -> None:
    many = np.repeat(X, 50, axis=0)
    result = client.infer(
        "mlp",
        [input_of(many, binary=binary)],
        outputs=[tritonclient.http.InferRequestedOutput("logits", binary_data=binary)],
        request_compression_algorithm=algorithm,
        response_compression_algorithm=algorithm,
    )
    np.testing.assert_allclose(result.as_numpy("logits"), np.repeat(expected, 50, axis=0), rtol=1e-5)


def test_statistics_and_index(client: Any) -> None:
    before = client.get_inference_statistics("mlp")["model_stats"][0]
    client.infer("mlp", [input_of(X, binary=True)])
    after = client.get_inference_statistics("mlp", "1")["model_stats"][0]
    assert after["inference_count"] == before["inference_count"] + 2
    assert after["inference_stats"]["success"]["count"] == before["inference_stats"]["success"]["count"] + 1
    assert client.get_model_repository_index() == [{"name": "mlp", "version": "1", "state": "READY", "reason": ""}]


async def test_the_asyncio_client(url: str, expected: Any) -> None:
    async with tritonclient.http.aio.InferenceServerClient(url.removeprefix("http://")) as client:
        assert await client.is_model_ready("mlp")
        result = await client.infer("mlp", [input_of(X, binary=True)], request_id="8")
        np.testing.assert_allclose(result.as_numpy("logits"), expected, rtol=1e-5)
        assert result.get_response()["id"] == "8"


def test_errors_arrive_as_sentences(client: Any) -> None:
    wrong = np.zeros((2, 63), dtype=np.float32)
    with pytest.raises(InferenceServerException, match=r"input 'x': expected shape \[batch, 64\], got \[2, 63\]"):
        client.infer("mlp", [input_of(wrong, binary=True)])
    with pytest.raises(InferenceServerException, match="unknown model 'other': this server has 'mlp'"):
        client.infer("other", [input_of(X, binary=True)])
