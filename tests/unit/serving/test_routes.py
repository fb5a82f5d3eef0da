import asyncio
import gzip
import threading
import zlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import onnxruntime
import orjson
import pytest
from onnx import TensorProto, helper, numpy_helper
from prometheus_client.parser import text_string_to_metric_families
from support.artifacts import build_mlp, build_model, tensor, write_artifact
from support.serving_app import client_of, loaded_plane
from support.waiting import eventually

from slipway_contract.digest import sha256_of_file
from slipway_serving.dataplane import DataPlane
from slipway_serving.metrics import Metrics
from slipway_serving.settings import Settings

X = np.random.default_rng(1).normal(size=(3, 64)).astype(np.float32)


@pytest.fixture
def expected(mlp_folder: Path) -> Any:
    session = onnxruntime.InferenceSession(str(mlp_folder / "model.onnx"), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": X})[0]


@pytest.fixture
async def loading() -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(DataPlane(Settings(model_name="mlp"), Metrics())) as client:
        yield client


def infer_request(**changes: Any) -> dict[str, Any]:
    return {"name": "x", "shape": [3, 64], "datatype": "FP32", "data": X.reshape(-1).tolist()} | changes


async def test_infer_answers_as_onnx_runtime_does(client: httpx.AsyncClient, expected: Any) -> None:
    for path in ("/v2/models/mlp/infer", "/v2/models/mlp/versions/1/infer"):
        response = await client.post(path, json={"id": "a", "inputs": [infer_request()]})
        assert response.status_code == 200
        assert response.headers["content-type"] == "application/json"
        document = response.json()
        assert document["id"] == "a"
        assert document["model_name"] == "mlp"
        assert document["outputs"][0]["shape"] == [3, 10]
        np.testing.assert_allclose(np.array(document["outputs"][0]["data"]).reshape(3, 10), expected, rtol=1e-5)


async def test_infer_speaks_binary_in_and_out(client: httpx.AsyncClient, expected: Any) -> None:
    declared = {"name": "x", "shape": [3, 64], "datatype": "FP32", "parameters": {"binary_data_size": X.nbytes}}
    head = orjson.dumps({"inputs": [declared], "parameters": {"binary_data_output": True}})
    response = await client.post(
        "/v2/models/mlp/infer", content=head + X.tobytes(), headers={"Inference-Header-Content-Length": str(len(head))}
    )
    assert response.headers["content-type"] == "application/octet-stream"
    blob = response.content[int(response.headers["inference-header-content-length"]) :]
    np.testing.assert_allclose(np.frombuffer(blob, dtype="<f4").reshape(3, 10), expected, rtol=1e-5)


@pytest.mark.parametrize("path", ["/predict", "/v1/predict"])
async def test_predict_takes_and_gives_nested_lists(client: httpx.AsyncClient, expected: Any, path: str) -> None:
    batch = await client.post(path, json=X.tolist())
    np.testing.assert_allclose(batch.json(), expected, rtol=1e-5)
    single = await client.post(path, json=X[0].tolist())
    np.testing.assert_allclose(single.json(), expected[0], rtol=1e-5)
    by_name = await client.post(path, json={"x": X.tolist()})
    np.testing.assert_allclose(by_name.json(), expected, rtol=1e-5)


async def test_metadata(client: httpx.AsyncClient) -> None:
    assert (await client.get("/v2")).json()["name"] == "slipway"
    model = {
        "name": "mlp",
        "versions": ["1"],
        "platform": "onnxruntime_onnx",
        "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 64]}],
        "outputs": [{"name": "logits", "datatype": "FP32", "shape": [-1, 10]}],
    }
    assert (await client.get("/v2/models/mlp")).json() == model
    assert (await client.get("/v2/models/mlp/versions/1")).json() == model
    config = (await client.get("/v2/models/mlp/config")).json()
    assert config["max_batch_size"] == 0
    assert config["input"] == [{"name": "x", "data_type": "TYPE_FP32", "dims": [-1, 64]}]


async def test_with_batching_the_configuration_lacks_the_batch_axis(mlp_folder: Path) -> None:
    with loaded_plane(mlp_folder, batch_max_size=16) as plane:
        async with client_of(plane) as client:
            config = (await client.get("/v2/models/mlp/config")).json()
    assert config["max_batch_size"] == 16
    assert config["output"] == [{"name": "logits", "data_type": "TYPE_FP32", "dims": [10]}]


async def test_status_says_what_really_serves(client: httpx.AsyncClient, mlp_folder: Path) -> None:
    assert (await client.get("/v1/status")).json() == {
        "artifactDigest": sha256_of_file(mlp_folder / "manifest.json"),
        "executionProvider": "CPUExecutionProvider",
        "expectedAccelerator": "",
        "golden": {"maxAbsDiff": 0.0, "tolerance": 1e-5},
        "ready": True,
    }


async def test_health(client: httpx.AsyncClient) -> None:
    for path in ("/v2/health/live", "/v2/health/ready", "/v2/models/mlp/ready", "/v2/models/mlp/versions/1/ready"):
        assert (await client.get(path)).status_code == 200


async def test_before_the_model_is_loaded_it_lives_and_is_not_ready(loading: httpx.AsyncClient) -> None:
    assert (await loading.get("/v2/health/live")).status_code == 200
    assert (await loading.get("/v2/health/ready")).status_code == 503
    assert (await loading.get("/v2/models/mlp/ready")).status_code == 503
    status = (await loading.get("/v1/status")).json()
    assert status["ready"] is False
    assert status["golden"] is None
    for response in (await loading.post("/predict", json=[1]), await loading.get("/v2/models/mlp")):
        assert response.status_code == 503
        assert response.headers["retry-after"] == "1"
        assert response.json() == {"error": "the model is still being loaded and verified"}


async def test_while_draining_it_answers_but_asks_for_no_more(client: httpx.AsyncClient, plane: DataPlane) -> None:
    plane.draining = True
    assert (await client.get("/v2/health/ready")).status_code == 503
    assert (await client.get("/v2/health/live")).status_code == 200
    response = await client.post("/predict", json=X.tolist())
    assert response.status_code == 200
    assert response.headers["connection"] == "close"


@pytest.mark.parametrize(
    ("method", "path", "code", "sentence"),
    [
        ("GET", "/nothing", 404, "there is no /nothing here"),
        ("GET", "/v2/models/other", 404, "unknown model 'other': this server has 'mlp'"),
        ("POST", "/v2/models/other/infer", 404, "unknown model 'other': this server has 'mlp'"),
        ("GET", "/v2/models/mlp/versions/9", 404, "unknown version '9' of 'mlp': this server has '1'"),
        ("POST", "/v2/models/mlp/versions/9/infer", 404, "unknown version '9' of 'mlp': this server has '1'"),
        ("GET", "/v2/models/mlp/infer", 405, "GET is not allowed on /v2/models/mlp/infer"),
        ("GET", "/predict", 405, "GET is not allowed on /predict"),
        ("POST", "/metrics", 405, "POST is not allowed on /metrics"),
        ("POST", "/predict", 400, "the request is not valid JSON"),
        ("POST", "/v2/models/mlp/infer", 400, "the request is not valid JSON"),
    ],
)
async def test_errors_are_an_object_with_one_sentence(
    client: httpx.AsyncClient, method: str, path: str, code: int, sentence: str
) -> None:
    response = await client.request(method, path)
    assert response.status_code == code
    assert response.headers["content-type"] == "application/json"
    assert list(response.json()) == ["error"]
    assert response.json()["error"].startswith(sentence)


async def test_a_bad_tensor_is_the_clients_error(client: httpx.AsyncClient) -> None:
    response = await client.post("/v2/models/mlp/infer", json={"inputs": [infer_request(datatype="FP64")]})
    assert response.status_code == 400
    assert response.json() == {"error": "input 'x': expected datatype FP32, got FP64"}


@pytest.mark.parametrize("length", ["-1", "all"])
async def test_a_bad_header_length(client: httpx.AsyncClient, length: str) -> None:
    response = await client.post(
        "/v2/models/mlp/infer", content=b"{}", headers={"Inference-Header-Content-Length": length}
    )
    assert response.status_code == 400
    assert response.json() == {"error": "Inference-Header-Content-Length must be a number of bytes"}


async def test_other_compressions_are_refused(client: httpx.AsyncClient) -> None:
    response = await client.post("/predict", content=b"?", headers={"content-encoding": "br"})
    assert response.status_code == 415
    assert response.headers["accept-encoding"] == "gzip, deflate"
    assert response.json() == {"error": "Content-Encoding br is not supported: send gzip, deflate or the body as it is"}


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_compressed_bodies_are_read_and_compressed_answers_written(
    client: httpx.AsyncClient, encoding: str
) -> None:
    many = np.repeat(X, 20, axis=0)
    compress = {"gzip": gzip.compress, "deflate": zlib.compress}[encoding]
    plain = await client.post("/predict", json=many.tolist(), headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    headers = {"content-encoding": encoding, "accept-encoding": f"br, {encoding};q=0.5"}
    response = await client.post("/predict", content=compress(orjson.dumps(many.tolist())), headers=headers)
    assert response.headers["content-encoding"] == encoding
    assert int(response.headers["content-length"]) < int(plain.headers["content-length"])
    assert response.json() == plain.json()


async def test_a_body_that_inflates_to_too_much_is_refused_before_it_has(mlp_folder: Path) -> None:
    bomb = gzip.compress(b"[" * 30_000_000)
    with loaded_plane(mlp_folder, max_request_bytes=100_000) as plane:
        async with client_of(plane) as client:
            response = await client.post("/predict", content=bomb, headers={"content-encoding": "gzip"})
            assert response.status_code == 413
            assert response.json() == {
                "error": "the body inflates to more than the 100000 bytes that this server takes"
            }
            assert plane.bytes_held == 0


async def test_statistics_count_what_was_answered(client: httpx.AsyncClient) -> None:
    await client.post("/predict", json=X.tolist())
    await client.post("/predict", json="?")
    for path in ("/v2/models/mlp/stats", "/v2/models/mlp/versions/1/stats", "/v2/models/stats"):
        (stats,) = (await client.get(path)).json()["model_stats"]
        assert (stats["name"], stats["version"]) == ("mlp", "1")
        assert stats["inference_count"] == 3
        assert stats["execution_count"] == 1
        assert stats["inference_stats"]["success"]["count"] == 1
        assert stats["inference_stats"]["fail"]["count"] == 1
        assert [batch["batch_size"] for batch in stats["batch_stats"]] == [3]


async def test_the_repository_index_has_the_one_model(client: httpx.AsyncClient, plane: DataPlane) -> None:
    entry = {"name": "mlp", "version": "1", "state": "READY", "reason": ""}
    assert (await client.post("/v2/repository/index")).json() == [entry]
    plane.draining = True
    assert (await client.post("/v2/repository/index", json={})).json() == [entry | {"state": "UNAVAILABLE"}]
    assert (await client.post("/v2/repository/index", json={"ready": True})).json() == []
    for body in (b"?", b"[]", b'{"ready": 1}', b" " * 5000):
        assert (await client.post("/v2/repository/index", content=body)).status_code == 400


async def test_bodies_that_are_too_large_are_refused_announced_or_not(mlp_folder: Path) -> None:
    async def unannounced() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield b"[" * 60

    with loaded_plane(mlp_folder, max_request_bytes=500) as plane:
        async with client_of(plane) as client:
            announced = await client.post("/predict", content=b"[" * 501)
            assert announced.status_code == 413
            assert announced.json() == {"error": "the body has 501 bytes, and this server takes 500"}
            streamed = await client.post("/predict", content=unannounced())
            assert streamed.status_code == 413
            assert plane.in_flight == 0


@pytest.fixture
def held_plane(mlp_folder: Path) -> Iterator[tuple[DataPlane, threading.Event]]:
    """A server with room for two waiting requests, whose runs wait for an event."""
    gate = threading.Event()
    with loaded_plane(mlp_folder, queue_size=2) as plane:
        session = plane.model.session if plane.model else None
        assert session is not None
        run = session.run

        def held(inputs: Any) -> Any:
            assert gate.wait(timeout=30)
            return run(inputs)

        session.run = held  # type: ignore[method-assign]
        assert plane.model is not None
        plane.serve(plane.model)
        yield plane, gate
        gate.set()


async def test_a_full_queue_refuses_at_once_and_recovers(held_plane: tuple[DataPlane, threading.Event]) -> None:
    plane, gate = held_plane
    async with client_of(plane) as client:
        accepted = [asyncio.create_task(client.post("/predict", json=X.tolist())) for _ in range(3)]
        await eventually(lambda: plane.in_flight == 3)
        refused = await client.post("/predict", json=X.tolist())
        assert refused.status_code == 503
        assert refused.headers["retry-after"] == "1"
        assert refused.json() == {"error": "2 requests are waiting already; try again in a second"}
        assert plane.in_flight == 3
        gate.set()
        assert [response.status_code for response in await asyncio.gather(*accepted)] == [200, 200, 200]
        assert (await client.post("/predict", json=X.tolist())).status_code == 200
        assert plane.in_flight == 0


async def test_metrics(client: httpx.AsyncClient, mlp_folder: Path) -> None:
    await client.post("/predict", json=X.tolist())
    await client.post("/predict", json="?")
    await client.get("/v2/health/live")
    response = await client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    samples = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }
    assert samples["slipway_requests_total", "200", "http", "predict"] == 1
    assert samples["slipway_requests_total", "400", "http", "predict"] == 1
    assert ("slipway_requests_total", "404") not in samples
    assert samples["slipway_request_duration_seconds_count",] == 2
    assert samples["slipway_requests_in_flight",] == 0
    assert samples["slipway_queue_depth",] == 0
    assert samples["slipway_batch_size_count",] == 1
    assert samples["slipway_batch_size_sum",] == 3
    digest = sha256_of_file(mlp_folder / "manifest.json")
    assert samples["slipway_model_info", *sorted(("mlp", digest, "CPUExecutionProvider"))] == 1


async def test_an_index_out_of_range_is_the_clients_error_and_harms_no_neighbour(tmp_path: Path) -> None:
    table = numpy_helper.from_array(np.arange(8, dtype=np.float32).reshape(4, 2), "table")
    model = build_model(
        [helper.make_node("Gather", ["table", "ids"], ["rows"])],
        [tensor("ids", TensorProto.INT64, ["batch"])],
        [tensor("rows", TensorProto.FLOAT, ["batch", 2])],
        [table],
    )
    write_artifact(tmp_path, model, name="table", golden_inputs={"ids": np.array([1, 2])})
    with loaded_plane(tmp_path, batch_max_size=8) as plane:
        async with client_of(plane) as client:
            responses = await asyncio.gather(*(client.post("/predict", json=[index]) for index in (0, 99, 3)))
    assert [response.status_code for response in responses] == [200, 400, 200]
    assert responses[0].json() == [[0.0, 1.0]]
    assert responses[1].json()["error"].startswith("the model refuses this input: ")
    assert responses[2].json() == [[6.0, 7.0]]


async def test_a_model_name_of_the_environment_wins(tmp_path: Path) -> None:
    write_artifact(tmp_path, build_mlp(4, 2))
    with loaded_plane(tmp_path, model_name="other") as plane:
        async with client_of(plane) as client:
            assert (await client.get("/v2/models/other")).json()["name"] == "other"
            assert (await client.get("/v2/models/mlp")).status_code == 404


async def test_a_model_whose_rows_depend_on_each_other_is_never_batched(tmp_path: Path) -> None:
    model = build_model(
        [helper.make_node("ReduceMean", ["x"], ["mean"], keepdims=0)],
        [tensor("x", TensorProto.FLOAT, ["batch", 2])],
        [tensor("mean", TensorProto.FLOAT, [])],
    )
    write_artifact(tmp_path, model, name="mean")
    with loaded_plane(tmp_path, batch_max_size=8) as plane:
        assert plane.batch_max_size == 1
        async with client_of(plane) as client:
            responses = await asyncio.gather(*(client.post("/predict", json=[[value, value]]) for value in range(4)))
    assert [response.json() for response in responses] == [0.0, 1.0, 2.0, 3.0]
