"""A client that closes its connection takes its request out of the queue."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn
from support.waiting import eventually
from uvicorn.server import ServerState

from slipway_serving.abandonment import Connection
from slipway_serving.app import App
from slipway_serving.control import build_control
from slipway_serving.dataplane import DataPlane
from slipway_serving.lifecycle import load_model
from slipway_serving.metrics import Metrics
from slipway_serving.settings import Settings

BODY = b'{"x": [' + b", ".join([b"1.0"] * 64) + b"]}"
REQUEST = b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%s" % (len(BODY), BODY)


class Gated:
    """A session whose runs wait for its gate."""

    execution_provider = "CPUExecutionProvider"
    runs_on_cpu = True

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.entered = threading.Event()
        self.runs = 0

    def run(self, inputs: dict[str, Any]) -> dict[str, Any]:
        self.runs += 1
        self.entered.set()
        assert self.gate.wait(timeout=60)
        return {"logits": np.zeros((inputs["x"].shape[0], 10), np.float32)}


@contextlib.asynccontextmanager
async def listening(plane: DataPlane) -> AsyncIterator[int]:
    config = uvicorn.Config(App(plane, build_control(plane)), log_config=None, lifespan="off", ws="none")
    config.load()
    state = ServerState()
    loop = asyncio.get_running_loop()
    async with await loop.create_server(lambda: Connection(config, state, {}), "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


async def asked(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(REQUEST)
    return reader, writer


async def test_a_request_whose_client_is_gone_costs_no_run(mlp_folder: Path) -> None:
    session: Any = Gated()
    plane = DataPlane(Settings(batch_max_size=1), Metrics())
    plane.serve(replace(load_model(mlp_folder, Settings(intra_op_threads=1)), session=session))
    async with listening(plane) as port:
        stays, staying = await asked(port)
        await eventually(session.entered.is_set)
        _, leaving = await asked(port)
        await eventually(lambda: plane.queue_depth == 1)
        leaving.close()
        await eventually(lambda: plane.in_flight == 1)
        assert plane.queue_depth == 0
        assert plane.rejected["client_gone"] == 1
        session.gate.set()
        assert (await stays.readline()).startswith(b"HTTP/1.1 200")
        staying.close()
        await staying.wait_closed()
    assert session.runs == 1


async def test_a_connection_that_ends_after_its_answer_abandons_nothing(mlp_folder: Path) -> None:
    session: Any = Gated()
    session.gate.set()
    plane = DataPlane(Settings(), Metrics())
    plane.serve(replace(load_model(mlp_folder, Settings(intra_op_threads=1)), session=session))
    async with listening(plane) as port:
        reader, writer = await asked(port)
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        writer.close()
        await writer.wait_closed()
        await eventually(lambda: plane.in_flight == 0)
    assert plane.rejected["client_gone"] == 0
