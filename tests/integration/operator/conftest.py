"""The CRD, a `restricted` namespace for each test, and the controller in the test's own process."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from support import cluster
from support.known_artifact import create_namespace
from support.operator_process import IMAGES

from slipway_operator.apply import Applier
from slipway_operator.controller import Controller
from slipway_operator.events import EventRecorder
from slipway_operator.health import WatchHealth
from slipway_operator.kube import KubeApi, connect
from slipway_operator.lifecycle import now
from slipway_operator.observe import Observer
from slipway_operator.state import Settings
from slipway_operator.telemetry import Telemetry
from slipway_operator.work_queue import Key

RunOnce = Callable[..., Awaitable[float | None]]


@pytest.fixture
def namespace(crd: Path) -> Iterator[str]:
    name = create_namespace()
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture
async def api(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[KubeApi]:
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig()))
    async with connect() as connected:
        yield connected


@pytest.fixture
async def run_once(api: KubeApi) -> AsyncIterator[RunOnce]:
    """One pass of a new controller; keyword arguments are the administrator's settings."""
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession())

        async def run(
            namespace: str, name: str, observer_type: type[Observer] = Observer, **settings: Any
        ) -> float | None:
            chosen = replace(Settings(**IMAGES), **settings)
            observer = observer_type(api, http, chosen, now, lambda _kind, _document: None)
            telemetry = Telemetry(lambda: 0, WatchHealth(60))
            controller = Controller(observer, Applier(api), EventRecorder(api, "test"), telemetry)
            return await controller.run_once(Key(namespace, name))

        yield run
