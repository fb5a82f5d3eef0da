"""The process: probes first, then the Lease, then the work; and their end in the right order."""

import asyncio
import logging
import signal
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any

import aiohttp
import kopf

from slipway_operator.apply import Applier
from slipway_operator.controller import Controller, PassIncompleteError, resync
from slipway_operator.events import EventRecorder
from slipway_operator.handlers import build_registry, build_settings
from slipway_operator.health import Stream, WatchHealth
from slipway_operator.kinds import MODEL_DEPLOYMENT, WATCHED, Kind
from slipway_operator.kube import ApiError, KubeApi, connect
from slipway_operator.leader import Lease
from slipway_operator.observe import Observer
from slipway_operator.options import Options
from slipway_operator.ownership import is_managed
from slipway_operator.probes import build_app, serve
from slipway_operator.state import Object
from slipway_operator.telemetry import Telemetry
from slipway_operator.work_queue import WorkQueue

logger = logging.getLogger(__name__)

CRD_INTERVAL = 3.0
KOPF_EXIT_SECONDS = 10.0
LAG_INTERVAL = 1.0


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Process:
    """What lives as long as the process does, standby or leader."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.stop = asyncio.Event()
        self.watch_health = WatchHealth(options.watch_lag_limit)
        self.queue = WorkQueue(expected_errors=(ApiError, PassIncompleteError))
        self.telemetry = Telemetry(self.queue.__len__, self.watch_health)

    async def run(self) -> int:
        """Run until a signal (0), or until the lease or the watches are lost (1)."""
        self.catch_signals()
        async with AsyncExitStack() as stack:
            app = build_app(self.watch_health.deaf, lambda: True, self.telemetry.render)
            stack.push_async_callback((await serve(app, self.options.http_port)).cleanup)
            api = await stack.enter_async_context(connect(self.telemetry.count_api_error))
            http = await stack.enter_async_context(aiohttp.ClientSession())
            lag = asyncio.create_task(self._measure_loop_lag(), name="loop lag")
            stack.push_async_callback(_cancel, lag)
            lease = Lease(api, self.options.lease_namespace, self.options.lease_name, self.options.identity)
            if await self._unless_stopped(self._wait_for_crd(api)) and await self._unless_stopped(lease.acquire()):
                return await self._lead(api, http, lease)
        return 0

    def catch_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop.set)

    async def _lead(self, api: KubeApi, http: aiohttp.ClientSession, lease: Lease) -> int:
        self.telemetry.leader.set(1)
        stopped = asyncio.create_task(self.stop.wait(), name="stop")
        held = asyncio.create_task(lease.hold(), name="lease")
        writers = self._start_writers(api, http)
        # kopf ends every task that is younger than itself when it ends, so it comes last.
        stop_watching = asyncio.Event()
        watches = asyncio.create_task(self._watch(stop_watching), name="watches")
        ended, _ = await asyncio.wait({stopped, held, watches, *writers}, return_when=asyncio.FIRST_COMPLETED)
        # Nothing writes once the writers are gone, so the lease can go before the watches have ended.
        await _cancel(stopped, *writers)
        self.queue.close()
        self.telemetry.leader.set(0)
        lost = held in ended
        await _cancel(held)
        if not lost:
            await lease.release()
        await _end_watches(watches, stop_watching)
        return 0 if self.stop.is_set() and not lost else 1

    def _start_writers(self, api: KubeApi, http: aiohttp.ClientSession) -> list[asyncio.Task[None]]:
        observer = Observer(api, http, self.options.settings, now, self._saw)
        recorder = EventRecorder(api, self.options.pod_name)
        controller = Controller(observer, Applier(api), recorder, self.telemetry)
        resyncing = resync(observer, self.queue, self.options.namespaces, self.options.resync_interval)
        workers = [self.queue.work(controller.run_once) for _ in range(self.options.workers)]
        return [asyncio.create_task(work, name="writer") for work in (resyncing, *workers)]

    async def _watch(self, stop_watching: asyncio.Event) -> None:
        """kopf, until `stop_watching`; it raises when one of its watches cannot go on (for good)."""
        clusterwide = not self.options.namespaces
        started = asyncio.Event()
        reclaim = asyncio.create_task(self._reclaim_signals(started))
        try:
            await kopf.operator(
                registry=build_registry(self.queue, self.watch_health, clusterwide=clusterwide),
                settings=build_settings(),
                standalone=True,
                clusterwide=clusterwide,
                namespaces=self.options.namespaces,
                stop_flag=stop_watching,
                ready_flag=started,
            )
        finally:
            await _cancel(reclaim)

    async def _reclaim_signals(self, started: asyncio.Event) -> None:
        """Kopf sets its own handlers as it starts; the order of the end is ours to decide."""
        await started.wait()
        self.catch_signals()

    def _saw(self, kind: Kind, document: Object) -> None:
        meta = document["metadata"]
        if (kind in WATCHED and is_managed(document)) or kind == MODEL_DEPLOYMENT:
            stream = Stream(kind.plural, meta["namespace"] if self.options.namespaces else None)
            self.watch_health.read(stream, meta["uid"], meta["resourceVersion"])

    async def _wait_for_crd(self, api: KubeApi) -> None:
        namespace = next(iter(self.options.namespaces), None)
        while True:
            try:
                await api.get(MODEL_DEPLOYMENT.path(namespace), limit="1")
            except ApiError as error:
                logger.warning("waiting for ModelDeployments to be served by the API: %s", error)
                await asyncio.sleep(CRD_INTERVAL)
            else:
                return

    async def _unless_stopped(self, work: Coroutine[Any, Any, None]) -> bool:
        """Whether `work` came to its end; a signal cancels it."""
        doing = asyncio.create_task(work)
        stopped = asyncio.create_task(self.stop.wait())
        await asyncio.wait({doing, stopped}, return_when=asyncio.FIRST_COMPLETED)
        await _cancel(stopped)
        if doing.done():
            await doing
            return True
        await _cancel(doing)
        return False

    async def _measure_loop_lag(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + LAG_INTERVAL
            await asyncio.sleep(LAG_INTERVAL)
            self.telemetry.loop_lag.set(loop.time() - due)


async def _cancel(*tasks: asyncio.Task[Any]) -> None:
    """Cancel, wait, and log what had failed before."""
    for task in tasks:
        task.cancel()
    for task, result in zip(tasks, await asyncio.gather(*tasks, return_exceptions=True), strict=True):
        if isinstance(result, Exception):
            logger.error("%s failed", task.get_name(), exc_info=result)


async def _end_watches(watches: asyncio.Task[None], stop_watching: asyncio.Event) -> None:
    stop_watching.set()
    await asyncio.wait({watches}, timeout=KOPF_EXIT_SECONDS)
    await _cancel(watches)
