"""The data plane while its model is busy, stuck or being replaced."""

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.serving_app import client_of
from support.waiting import eventually

from slipway_serving.dataplane import DataPlane, LoadedModel
from slipway_serving.lifecycle import load_model
from slipway_serving.metrics import Metrics
from slipway_serving.settings import Settings

X = [[1.0] * 64]


class GatedSession:
    """Answers `value` for every row and class once the gate is open."""

    execution_provider = "CPUExecutionProvider"
    runs_on_cpu = True

    def __init__(self, value: float) -> None:
        self.value = value
        self.gate = threading.Event()
        self.entered = threading.Event()

    def run(self, inputs: dict[str, Any]) -> dict[str, Any]:
        self.entered.set()
        assert self.gate.wait(timeout=60)
        return {"logits": np.full((inputs["x"].shape[0], 10), self.value, np.float32)}


@pytest.fixture
def sessions() -> Iterator[list[GatedSession]]:
    made = [GatedSession(1.0), GatedSession(2.0)]
    yield made
    for session in made:
        session.gate.set()


def gated(folder: Path, session: Any) -> LoadedModel:
    return replace(load_model(folder, Settings(intra_op_threads=1)), session=session)


def plane_of(folder: Path, session: GatedSession, **settings: Any) -> DataPlane:
    plane = DataPlane(Settings(**settings), Metrics())
    plane.serve(gated(folder, session))
    return plane


async def test_a_run_that_does_not_return_makes_the_process_count_as_dead(
    mlp_folder: Path, sessions: list[GatedSession]
) -> None:
    plane = plane_of(mlp_folder, sessions[0], run_timeout=1e-9)
    async with client_of(plane) as client:
        assert (await client.get("/v2/health/live")).status_code == 200
        asked = asyncio.create_task(client.post("/predict", json=X))
        await eventually(sessions[0].entered.is_set)
        assert (await client.get("/v2/health/live")).status_code == 503
        sessions[0].gate.set()
        assert (await asked).status_code == 200
        assert (await client.get("/v2/health/live")).status_code == 200


async def test_a_run_within_its_time_is_alive(mlp_folder: Path, sessions: list[GatedSession]) -> None:
    plane = plane_of(mlp_folder, sessions[0], run_timeout=3600.0)
    async with client_of(plane) as client:
        asked = asyncio.create_task(client.post("/predict", json=X))
        await eventually(sessions[0].entered.is_set)
        assert (await client.get("/v2/health/live")).status_code == 200
        sessions[0].gate.set()
        await asked


async def test_a_model_is_replaced_at_once_and_what_the_earlier_one_accepted_it_answers(
    mlp_folder: Path, sessions: list[GatedSession]
) -> None:
    plane = plane_of(mlp_folder, sessions[0])
    async with client_of(plane) as client:
        earlier = [asyncio.create_task(client.post("/predict", json=X)) for _ in range(3)]
        await eventually(sessions[0].entered.is_set)
        await eventually(lambda: plane.queue_depth == 2)
        plane.serve(gated(mlp_folder, sessions[1]))
        sessions[1].gate.set()
        assert (await client.post("/predict", json=X)).json() == [[2.0] * 10]
        sessions[0].gate.set()
        assert [(await task).json() for task in earlier] == [[[1.0] * 10]] * 3


async def test_a_request_out_of_time_is_answered_504_and_counted(
    mlp_folder: Path, sessions: list[GatedSession]
) -> None:
    plane = plane_of(mlp_folder, sessions[0])
    async with client_of(plane) as client:
        first = asyncio.create_task(client.post("/predict", json=X))
        await eventually(sessions[0].entered.is_set)
        late = await client.post("/predict", json=X, headers={"x-envoy-expected-rq-timeout-ms": "1"})
        assert late.status_code == 504
        assert "time for this request was over" in late.json()["error"]
        sessions[0].gate.set()
        assert (await first).status_code == 200
        metrics = (await client.get("/metrics")).text
    assert 'slipway_requests_rejected_total{reason="deadline"} 1.0' in metrics
    assert 'slipway_requests_total{code="504",protocol="http",route="predict"} 1.0' in metrics
    assert plane.statistics is not None
    assert plane.statistics.describe()["inference_stats"]["fail"]["count"] == 1


async def test_who_is_one_too_many_is_refused_while_the_model_is_busy(
    mlp_folder: Path, sessions: list[GatedSession]
) -> None:
    plane = plane_of(mlp_folder, sessions[0], queue_size=2)
    async with client_of(plane) as client:
        accepted = [asyncio.create_task(client.post("/predict", json=X)) for _ in range(3)]
        await eventually(lambda: plane.queue_depth == 2)
        refused = await client.post("/predict", json=X)
        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) >= 1
        sessions[0].gate.set()
        assert {(await task).status_code for task in accepted} == {200}
