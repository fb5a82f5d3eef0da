"""Under load: everyone gets their own answer, what does not fit is refused at once, and health stays responsive."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import onnxruntime
import pytest
from support.serving import scrape, serving

CONNECTIONS = 32


def client(url: str) -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    return httpx.AsyncClient(base_url=url, limits=limits, timeout=60)


@pytest.mark.parametrize("batch_size", ["1", "4", "32"])
async def test_every_caller_gets_its_own_rows(mlp_folder: Path, log: Path, batch_size: str) -> None:
    random = np.random.default_rng(7)
    inputs = [random.normal(size=(int(rows), 64)).astype(np.float32) for rows in random.integers(1, 6, size=200)]
    session = onnxruntime.InferenceSession(str(mlp_folder / "model.onnx"), providers=["CPUExecutionProvider"])
    gate = asyncio.Semaphore(CONNECTIONS)

    async def ask(connected: httpx.AsyncClient, x: Any) -> Any:
        async with gate:
            return (await connected.post("/predict", json=x.tolist())).json()

    with serving(mlp_folder, log, SLIPWAY_BATCH_MAX_SIZE=batch_size, SLIPWAY_QUEUE_SIZE="64") as url:
        async with client(url) as connected:
            answers = await asyncio.gather(*(ask(connected, x) for x in inputs))
        samples = scrape(url)
    for x, answer in zip(inputs, answers, strict=True):
        np.testing.assert_allclose(answer, session.run(None, {"x": x})[0], rtol=1e-4, atol=1e-5)
    assert samples["slipway_batch_size_sum"] == sum(len(x) for x in inputs)
    assert samples["slipway_requests_in_flight"] == 0
    if batch_size == "1":
        assert samples["slipway_batch_size_count"] == len(inputs)


async def test_who_waits_behind_a_run_shares_the_next(sluggish_folder: Path, log: Path) -> None:
    with serving(sluggish_folder, log, SLIPWAY_BATCH_MAX_SIZE="32") as url:
        async with client(url) as connected:
            asked = [connected.post("/predict", json=[[float(number)] * 4]) for number in range(8)]
            answers = [response.json() for response in await asyncio.gather(*asked)]
        samples = scrape(url)
    assert answers == [[[number + 1_000_000.0] * 4] for number in range(8)]
    assert samples["slipway_batch_size_sum"] == 8
    assert samples["slipway_batch_size_count"] < 8


async def test_an_overloaded_server_refuses_at_once_and_recovers(sluggish_folder: Path, log: Path) -> None:
    with serving(sluggish_folder, log, SLIPWAY_QUEUE_SIZE="2") as url:
        async with client(url) as connected:
            codes: list[int] = []

            async def ask() -> None:
                response = await connected.post("/predict", json=[[1.0] * 4])
                codes.append(response.status_code)
                assert response.status_code == 200 or int(response.headers["retry-after"]) >= 1

            await asyncio.gather(*(ask() for _ in range(20)))
            assert set(codes) == {200, 503}
            assert codes.count(200) >= 3
            assert codes[-1] == 200, "whoever was refused had to wait"
            assert (await connected.post("/predict", json=[[1.0] * 4])).json() == [[1_000_001.0] * 4]
        assert scrape(url)["slipway_requests_in_flight"] == 0


async def test_health_and_metrics_answer_while_the_model_runs(slow_folder: Path, log: Path) -> None:
    with serving(slow_folder, log, SLIPWAY_QUEUE_SIZE="64") as url:
        async with client(url) as connected:
            load = [asyncio.create_task(connected.post("/predict", json=[[1.0] * 4])) for _ in range(CONNECTIONS)]
            while (await asyncio.to_thread(scrape, url))["slipway_requests_in_flight"] < 2:
                assert not all(task.done() for task in load)
            assert (await connected.get("/v2/health/live")).status_code == 200
            assert not all(task.done() for task in load), "health waited for the model"
            responses = await asyncio.gather(*load)
    assert {response.status_code for response in responses} == {200}


async def test_a_client_that_goes_away_is_not_in_flight_for_ever(slow_folder: Path, log: Path) -> None:
    with serving(slow_folder, log) as url:
        port = int(url.rsplit(":", 1)[1])
        _, incomplete = await asyncio.open_connection("127.0.0.1", port)
        incomplete.write(b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n[[1")
        await incomplete.drain()
        while (await asyncio.to_thread(scrape, url))["slipway_requests_in_flight"] != 1:
            pass
        incomplete.close()
        while (await asyncio.to_thread(scrape, url))["slipway_requests_in_flight"] != 0:
            pass


async def test_a_refusal_before_the_body_leaves_the_connection_usable(mlp_folder: Path, log: Path) -> None:
    with serving(mlp_folder, log, SLIPWAY_MAX_REQUEST_BYTES="2000") as url:
        limits = httpx.Limits(max_connections=1)
        async with httpx.AsyncClient(base_url=url, limits=limits) as connected:
            for _ in range(3):
                assert (await connected.post("/predict", json=[[1.0] * 64] * 100)).status_code == 413
                assert (await connected.post("/predict", json=[[1.0] * 64])).status_code == 200
