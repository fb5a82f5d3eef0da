"""Requests a second, latency and CPU a request: everyone started, all but one frozen, rounds in alternating order."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from serving.contenders import CONTENDERS, PEERS
from serving.load import SERVER_CORE, put_load
from serving.models import Model
from serving.process import Running, running

CONNECTIONS = {"mlp": (1, 8, 32), "lite0": (8, 32), "minilm": (8, 32)}
SECONDS = {"mlp": 2, "lite0": 4, "minilm": 3}
LOOP = "session.run in a loop"
LOOP_ROWS = (1, 4, 16)
WARM_UP_SECONDS = 1

Figures = dict[str, Any]


def measure_throughput(model: Model, rounds: int, folder: Path) -> list[Figures]:
    """One entry for each contender and number of connections: medians over the rounds."""
    with ExitStack() as stack:
        loop = stack.enter_context(raw_loop(model))
        servers = []
        for number, one in enumerate(one for one in CONTENDERS if model.name in one.models):
            server = stack.enter_context(running(one, model, folder / f"{model.name}-{number}.log"))
            put_load(server.port, one.format, model, 1, WARM_UP_SECONDS)
            server.freeze()
            servers.append(server)
        seen: dict[tuple[str, int], list[Figures]] = {}
        for number in range(rounds):
            for connections in CONNECTIONS[model.name]:
                for server in servers if number % 2 == 0 else reversed(servers):
                    key = server.contender.label, connections
                    seen.setdefault(key, []).append(_round(server, connections))
            seen.setdefault((LOOP, 1), []).append(_loop_round(loop, SECONDS[model.name]))
            print(f"{model.name}: round {number + 1} of {rounds}", flush=True)
    return [
        {"model": model.name, "server": label, "connections": connections, **_medians(figures)}
        for (label, connections), figures in seen.items()
    ]


def _round(server: Running, connections: int) -> Figures:
    server.thaw()
    try:
        before = server.cpu_seconds()
        load = put_load(server.port, server.contender.format, server.model, connections, SECONDS[server.model.name])
        spent = server.cpu_seconds() - before
    finally:
        server.freeze()
    answered = load.requests_a_second * SECONDS[server.model.name]
    return {
        "requestsPerSecond": load.requests_a_second,
        "p50Ms": load.p50_ms,
        "p99Ms": load.p99_ms,
        "cpuUs": spent / answered * 1e6,
    }


def _medians(rounds: list[Figures]) -> Figures:
    return {name: round(median(one[name] for one in rounds), 3) for name in rounds[0]}


@contextmanager
def raw_loop(model: Model) -> Iterator[subprocess.Popen[str]]:
    """A process that runs the model whenever a line tells it to."""
    command = ["taskset", "-c", SERVER_CORE, sys.executable, str(PEERS / "raw_loop.py"), str(model.onnx)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


def _loop_round(loop: subprocess.Popen[str], seconds: float) -> Figures:
    """Rows a second at the best number of rows."""
    assert loop.stdin is not None
    assert loop.stdout is not None
    reached = []
    for rows in LOOP_ROWS:
        loop.stdin.write(f"{seconds / len(LOOP_ROWS)} {rows}\n")
        loop.stdin.flush()
        reached.append(float(loop.stdout.readline()))
    return {"requestsPerSecond": max(reached)}
