"""A server as a process group on one core: started, frozen while others are measured, weighed, and ended."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from serving.contenders import Contender, Ports
from serving.load import SERVER_CORE, ask
from serving.models import Model

TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
START_SECONDS = 120.0
END_SECONDS = 20.0
PAUSE_SECONDS = 0.002


@dataclass
class Running:
    """A server that has answered right once."""

    contender: Contender
    model: Model
    ports: Ports
    process: subprocess.Popen[bytes]
    start_seconds: float

    @property
    def port(self) -> int:
        return self.ports.grpc if self.contender.format.is_grpc else self.ports.http

    def freeze(self) -> None:
        os.killpg(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.killpg(self.process.pid, signal.SIGCONT)

    def cpu_seconds(self) -> float:
        return sum(_cpu_seconds(pid) for pid in family(self.process.pid))

    def pss_bytes(self) -> int:
        """Memory, where a page that several processes share counts once among them."""
        return sum(pss_bytes(pid) for pid in family(self.process.pid))

    def end(self) -> None:
        self.thaw()
        self.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(END_SECONDS)
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@contextmanager
def running(contender: Contender, model: Model, log: Path) -> Iterator[Running]:
    server = start(contender, model, log)
    try:
        yield server
    finally:
        server.end()


def start(contender: Contender, model: Model, log: Path) -> Running:
    """Start it, and time it from exec to the first right answer."""
    ports = Ports(free_port(), free_port())
    common = {
        "MODEL": str(model.onnx),
        "PYTHONPATH": str(contender.folder.parent),
        "SLIPWAY_INTRA_OP_THREADS": "1",
        "SLIPWAY_DRAIN_DELAY": "0",
        "OMP_NUM_THREADS": "1",
    }
    begin = time.perf_counter()
    process = subprocess.Popen(
        ["taskset", "-c", SERVER_CORE, *contender.command(model, ports)],
        env={**os.environ, **common, **contender.environment},
        cwd=contender.folder,
        stdout=log.open("wb"),
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    server = Running(contender, model, ports, process, 0.0)
    try:
        _wait_for_answer(server, begin, log)
    except BaseException:
        server.end()
        raise
    return server


def _wait_for_answer(server: Running, begin: float, log: Path) -> None:
    contender, model = server.contender, server.model
    while (answer := ask(server.port, contender.format, model)) is None:
        if server.process.poll() is not None or time.perf_counter() - begin > START_SECONDS:
            raise SystemExit(f"{contender.label} does not answer for {model.name}: {log.read_text()[-2000:]}")
        time.sleep(PAUSE_SECONDS)
    server.start_seconds = time.perf_counter() - begin
    if contender.infers and not np.allclose(answer, model.answer.reshape(-1), atol=1e-3):
        raise SystemExit(f"{contender.label} answers wrong for {model.name}")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def family(pid: int) -> list[int]:
    """A process and its descendants."""
    children = Path(f"/proc/{pid}/task").glob("*/children")
    try:
        found = [int(child) for path in children for child in path.read_text().split()]
    except OSError:
        return []
    return [pid, *(one for child in found for one in family(child))]


def _cpu_seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS_A_SECOND


def pss_bytes(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
