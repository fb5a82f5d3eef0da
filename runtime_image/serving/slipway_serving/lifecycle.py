"""One server's life: live at once, ready when the model has proved itself, draining on SIGTERM, then gone."""

import asyncio
import gc
import logging
import math
import os
import signal
import socket
import threading
import time
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import uvicorn

from slipway_serving.abandonment import Connection
from slipway_serving.app import App
from slipway_serving.artifact import open_artifact
from slipway_serving.connections import ConnectionWatch
from slipway_serving.control import build_control
from slipway_serving.dataplane import DataPlane, LoadedModel
from slipway_serving.errors import StartupError
from slipway_serving.golden import check_golden
from slipway_serving.logs import log_event
from slipway_serving.metrics import Metrics
from slipway_serving.session import open_session
from slipway_serving.settings import Settings

if TYPE_CHECKING:
    from slipway_serving.grpc_server import GrpcServer

# Longer than the idle time of usual proxies and clients, so that it is they who close an idle connection.
_KEEP_ALIVE_SECONDS = 75
_BACKLOG = 2048
# What is refused at the end of the drain still has to reach its client.
_REFUSAL_SECONDS = 1
_TICKS_PER_SWEEP = 10


def load_model(folder: Path, settings: Settings) -> LoadedModel:
    """Verify, load and prove a model.

    Raises:
        StartupError: the artifact, or the model in it, is not what its manifest says.
    """
    artifact = open_artifact(folder)
    session = open_session(artifact.model_path, artifact.manifest, intra_op_threads=settings.intra_op_threads)
    golden = check_golden(artifact.manifest.golden, session.run)
    return LoadedModel(settings.model_name or artifact.manifest.model, artifact, session, golden)


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise StartupError(
            f"cannot listen on {host}:{port}: {os.strerror(error.errno) if error.errno else error}"
        ) from error


class Server(uvicorn.Server):
    """uvicorn, with a drain between SIGTERM and the end, and a model that is loaded behind its back."""

    def __init__(self, plane: DataPlane, folder: Path, *, host: str, grpc_port: int | None) -> None:
        self._plane = plane
        self._folder = folder
        self._host = host
        self._grpc_port = grpc_port
        self._grpc: GrpcServer | None = None
        self._grpc_stop: asyncio.Future[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.failure: str | None = None
        self._watch = ConnectionWatch(
            receive_timeout=plane.settings.receive_timeout, send_timeout=plane.settings.send_timeout
        )
        super().__init__(
            uvicorn.Config(
                App(plane, build_control(plane)),
                loop="uvloop",
                http=Connection,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,  # nothing here asks who the client is
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=math.ceil(plane.settings.drain_timeout) + _REFUSAL_SECONDS,
            )
        )

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        # A thread of our own, and a daemon: a load that hangs must not keep a terminated pod alive.
        threading.Thread(target=self._load, args=(self._loop,), name="load", daemon=True).start()
        await super().serve(sockets)
        if self._grpc_stop is not None:
            await self._grpc_stop
        self._plane.close()

    async def on_tick(self, counter: int) -> bool:
        """Called by uvicorn ten times a second."""
        if counter % _TICKS_PER_SWEEP == 0:
            for phase, count in self._watch.cut_stuck(self.server_state.connections).items():
                if count:
                    log_event("cut connections", waitedFor=phase, count=count)
        return await super().on_tick(counter)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Called by uvicorn on SIGTERM and SIGINT. The second one ends at once."""
        if self._plane.draining or self._loop is None:
            self.should_exit = self.force_exit = True
            return
        self._plane.draining = True
        self._loop.call_soon_threadsafe(self._drain, signal.Signals(sig).name)

    def _drain(self, signal_name: str) -> None:
        # Before it was ready nobody sent anything, so there is nothing to wait for.
        delay = self._plane.settings.drain_delay if self._plane.model else 0.0
        log_event("draining", signal=signal_name, delaySeconds=delay, inFlight=self._plane.in_flight)
        if self._loop is not None:
            self._loop.call_later(delay, self._stop)

    def _stop(self) -> None:
        if self._grpc is not None and self._loop is not None:
            self._grpc_stop = self._loop.run_in_executor(None, self._grpc.stop, self._plane.settings.drain_timeout)
        self.should_exit = True
        if self._loop is not None:
            self._loop.call_later(self._plane.settings.drain_timeout, self._plane.refuse_the_rest)

    def _load(self, loop: asyncio.AbstractEventLoop) -> None:
        started = time.monotonic()
        try:
            model = load_model(self._folder, self._plane.settings)
        except StartupError as error:
            loop.call_soon_threadsafe(self._fail, str(error))
        except Exception as error:
            logging.getLogger(__name__).exception("loading the model failed")
            loop.call_soon_threadsafe(self._fail, f"loading the model failed: {type(error).__name__}: {error}")
        else:
            loop.call_soon_threadsafe(self._become_ready, model, time.monotonic() - started)
            if self._grpc_port is not None:
                self._listen_for_grpc(loop, self._grpc_port)

    def _listen_for_grpc(self, loop: asyncio.AbstractEventLoop, port: int) -> None:
        # Only now, because the import alone takes longer than all else of a small model's start.
        from slipway_serving.grpc_server import GrpcServer  # noqa: PLC0415 (only once the model is ready)

        try:
            server = GrpcServer(self._plane, self._host, port)
        except StartupError as error:
            loop.call_soon_threadsafe(self._fail, str(error))
        else:
            loop.call_soon_threadsafe(self._listens_for_grpc, server)

    def _listens_for_grpc(self, server: "GrpcServer") -> None:
        self._grpc = server
        log_event("listening for gRPC", host=self._host, port=server.port)
        if self.should_exit:
            self._stop()

    def _become_ready(self, model: LoadedModel, seconds: float) -> None:
        self._plane.serve(model)
        # What is there now stays, so the collector need not look at it again and again while requests are served.
        gc.freeze()
        log_event(
            "ready",
            model=model.name,
            artifactDigest=model.artifact.digest,
            executionProvider=model.session.execution_provider,
            goldenMaxAbsDiff=model.golden.max_abs_diff,
            batchMaxSize=self._plane.batch_max_size,  # 1 also where the model's axes allow no batching
            loadSeconds=round(seconds, 3),
        )

    def _fail(self, sentence: str) -> None:
        self.failure = sentence
        self.should_exit = True


def serve(folder: Path, *, host: str, port: int, grpc_port: int | None, settings: Settings) -> None:
    """Serve until SIGTERM; without a port for gRPC, HTTP only.

    Raises:
        StartupError: the process could not become ready.
    """
    with bind(host, port) as listener:
        plane = DataPlane(settings, Metrics())
        server = Server(plane, folder, host=host, grpc_port=grpc_port)
        log_event("listening", host=host, port=listener.getsockname()[1], artifact=str(folder))
        server.run(sockets=[listener])
    if server.failure is not None:
        raise StartupError(server.failure)
    log_event("stopped")
