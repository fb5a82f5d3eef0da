"""The serving runtime's ASGI application in process: a real session on a real artifact, and no sockets."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from slipway_serving.app import App
from slipway_serving.control import build_control
from slipway_serving.dataplane import DataPlane
from slipway_serving.lifecycle import load_model
from slipway_serving.metrics import Metrics
from slipway_serving.settings import Settings


@contextmanager
def loaded_plane(folder: Path, **settings: Any) -> Iterator[DataPlane]:
    plane = DataPlane(Settings(**{"intra_op_threads": 1, **settings}), Metrics())
    plane.serve(load_model(folder, plane.settings))
    yield plane
    plane.close()


def client_of(plane: DataPlane) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(App(plane, build_control(plane)))
    return httpx.AsyncClient(transport=transport, base_url="http://server")
