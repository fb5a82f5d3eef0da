"""SIGTERM: not ready at once, everything accepted is answered, exit code 0."""

import asyncio
import signal
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import tritonclient.grpc.aio
from support.serving import ServingProcess, scrape


async def test_every_accepted_request_is_answered(slow_folder: Path, log: Path) -> None:
    with ServingProcess(slow_folder, log, {"SLIPWAY_QUEUE_SIZE": "64"}) as server:
        url = server.wait_ready()
        async with httpx.AsyncClient(base_url=url, limits=httpx.Limits(max_connections=None), timeout=60) as client:
            load = [asyncio.create_task(client.post("/predict", json=[[float(row)] * 4])) for row in range(30)]
            while (await asyncio.to_thread(scrape, url))["slipway_requests_in_flight"] < 20:
                pass
            server.process.send_signal(signal.SIGTERM)
            responses = await asyncio.gather(*load)
        assert [response.json() for response in responses] == [[[row + 20000.0] * 4] for row in range(30)]
        assert await asyncio.to_thread(server.process.wait) == 0


async def test_every_accepted_request_is_answered_over_grpc_too(slow_folder: Path, log: Path) -> None:
    with ServingProcess(slow_folder, log, {"SLIPWAY_QUEUE_SIZE": "64"}) as server:
        url = server.wait_ready()
        values = np.arange(20, dtype=np.float32)
        async with tritonclient.grpc.aio.InferenceServerClient(server.grpc_target) as client:
            load = [asyncio.create_task(client.infer("slow", [row_of(value)])) for value in values]
            accepted = 0.0
            while accepted < len(load):
                seen = await asyncio.to_thread(scrape, url)
                accepted = seen["slipway_requests_in_flight"] + seen["slipway_request_duration_seconds_count"]
            server.process.send_signal(signal.SIGTERM)
            results = await asyncio.gather(*load)
        assert [result.as_numpy("y").tolist() for result in results] == [[[value + 20000.0] * 4] for value in values]
        assert await asyncio.to_thread(server.process.wait) == 0


def row_of(value: float) -> Any:
    tensor = tritonclient.grpc.InferInput("x", [1, 4], "FP32")
    tensor.set_data_from_numpy(np.full((1, 4), value, dtype=np.float32))
    return tensor


async def test_it_serves_on_while_endpoints_notice_but_is_not_ready(mlp_folder: Path, log: Path) -> None:
    with ServingProcess(mlp_folder, log, {"SLIPWAY_DRAIN_DELAY": "5s"}) as server:
        url = server.wait_ready()
        async with httpx.AsyncClient(base_url=url) as client:
            assert (await client.get("/v2/health/ready")).status_code == 200
            server.process.send_signal(signal.SIGTERM)
            while (await client.get("/v2/health/ready")).status_code != 503:
                pass
            for _ in range(10):
                response = await client.post("/predict", json=[[1.0] * 64])
                assert response.status_code == 200
                assert response.headers["connection"] == "close"
        assert await asyncio.to_thread(server.process.wait) == 0


async def test_no_request_is_lost_on_kept_alive_connections(mlp_folder: Path, log: Path) -> None:
    """Callers in a closed loop are told to go elsewhere, and until they are, every request of theirs is answered."""
    with ServingProcess(mlp_folder, log, {"SLIPWAY_DRAIN_DELAY": "500ms"}) as server:
        url = server.wait_ready()

        async def call_until_sent_away() -> int:
            async with httpx.AsyncClient(base_url=url) as client:
                answers, told_to_close = 0, False
                while not told_to_close:
                    response = await client.post("/predict", json=[[1.0] * 64])
                    assert response.status_code == 200
                    answers += 1
                    told_to_close = response.headers.get("connection") == "close"
                return answers

        callers = [asyncio.create_task(call_until_sent_away()) for _ in range(8)]
        while (await asyncio.to_thread(scrape, url))["slipway_request_duration_seconds_count"] < 50:
            pass
        server.process.send_signal(signal.SIGTERM)
        answers = await asyncio.gather(*callers)
        assert min(answers) > 0
        assert await asyncio.to_thread(server.process.wait) == 0


async def test_a_run_that_outlives_the_drain_does_not_hold_the_process(sluggish_folder: Path, log: Path) -> None:
    with ServingProcess(sluggish_folder, log, {"SLIPWAY_DRAIN_TIMEOUT": "1s"}) as server:
        url = server.wait_ready()
        async with httpx.AsyncClient(base_url=url, timeout=None) as client:  # noqa: S113 (it is the server that ends it)
            asked = asyncio.create_task(client.post("/predict", json=[[1.0] * 4] * 50_000))
            while (await asyncio.to_thread(scrape, url))["slipway_requests_in_flight"] != 1:
                pass
            assert await asyncio.to_thread(server.stop) == 0
            response = await asked
            assert response.status_code == 503
            assert response.headers["connection"] == "close"
            assert response.headers["retry-after"] == "1"


async def test_a_request_whose_client_is_gone_does_not_hold_the_process(sluggish_folder: Path, log: Path) -> None:
    with ServingProcess(sluggish_folder, log, {"SLIPWAY_DRAIN_TIMEOUT": "1h"}) as server:
        url = server.wait_ready()
        async with httpx.AsyncClient(base_url=url, timeout=None) as client:  # noqa: S113 (the test ends it)
            asked = asyncio.create_task(client.post("/predict", json=[[1.0] * 4] * 50_000))
            while (await asyncio.to_thread(scrape, url))["slipway_requests_in_flight"] != 1:
                pass
            asked.cancel()
        while (await asyncio.to_thread(scrape, url))["slipway_requests_in_flight"] != 0:
            pass
        assert await asyncio.to_thread(server.stop) == 0


def test_a_server_that_is_still_loading_ends_at_once(sluggish_folder: Path, log: Path) -> None:
    with ServingProcess(sluggish_folder, log, {"SLIPWAY_DRAIN_DELAY": "1h"}) as server:
        assert httpx.get(f"{server.url}/v2/health/ready").status_code == 503
        assert server.stop() == 0
        assert not any(line["message"] == "ready" for line in server.log_lines)
