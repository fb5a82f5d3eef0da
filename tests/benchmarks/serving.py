"""Requests a second and CPU a request of the serving runtime and of a hand-written FastAPI server, side by side.

Each server is pinned to core 0 and the client (wrk) to core 1. Rounds are interleaved and the medians reported, so that
a busy neighbour hurts everyone alike; CPU time a request is the server process's own and hardly depends on neighbours.
"""

import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import numpy as np
from support.artifacts import build_mlp, write_artifact
from support.waiting import wait_until

HERE = Path(__file__).parent
RESULT = HERE / "results" / "serving.md"
SERVER_CORE, CLIENT_CORE = "0", "1"
CONNECTIONS = (1, 8, 32)
ROUNDS = 3
SECONDS = 2
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Contender:
    name: str
    command: list[str]
    environment: dict[str, str]
    path: str
    body: str


@dataclass(frozen=True)
class Measurement:
    requests_a_second: float
    p50_ms: float
    p99_ms: float
    cpu_us: float


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary, ExitStack() as stack:
        folder = Path(temporary)
        write_artifact(folder / "artifact", build_mlp())
        running = [(one, *stack.enter_context(start(one))) for one in contenders(folder / "artifact")]
        measured: dict[tuple[str, int], list[Measurement]] = {}
        for round_number in range(ROUNDS):
            for connections in CONNECTIONS:
                for contender, url, pid in running if round_number % 2 == 0 else reversed(running):
                    measurement = measure(contender, url, pid, connections, folder / "post.lua")
                    measured.setdefault((contender.name, connections), []).append(measurement)
            print(f"round {round_number + 1} of {ROUNDS}", flush=True)  # noqa: T201 (a command that people watch)
        table = render([one.name for one, _, _ in running], measured)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(table)
    sys.stdout.write(table)


def contenders(artifact: Path) -> list[Contender]:
    x = np.random.default_rng(0).normal(size=(1, 64)).round(4)
    plain = json.dumps(x.tolist())
    tensor = {"name": "x", "shape": [1, 64], "datatype": "FP32", "data": x.reshape(-1).tolist()}
    v2 = json.dumps({"inputs": [tensor]})
    slipway = [sys.executable, "-m", "slipway_serving", "--artifact", str(artifact), "--host", "127.0.0.1", "--port"]
    alone = {"SLIPWAY_INTRA_OP_THREADS": "1", "SLIPWAY_DRAIN_DELAY": "0"}
    batched = {**alone, "SLIPWAY_BATCH_MAX_SIZE": "32", "SLIPWAY_BATCH_MAX_DELAY": "2ms"}
    baseline = [sys.executable, str(HERE / "serving_baseline.py"), str(artifact / "model.onnx")]
    return [
        Contender("FastAPI `def`, plain JSON", baseline, {}, "/predict", plain),
        Contender("Slipway, plain JSON", slipway, alone, "/predict", plain),
        Contender("Slipway, v2 JSON", slipway, alone, "/v2/models/mlp/infer", v2),
        Contender("Slipway batched, plain JSON", slipway, batched, "/predict", plain),
        Contender("Slipway batched, v2 JSON", slipway, batched, "/v2/models/mlp/infer", v2),
    ]


@contextmanager
def start(contender: Contender) -> Iterator[tuple[str, int]]:
    """Address and process id, once the server answers a request."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = ["taskset", "-c", SERVER_CORE, *contender.command, str(port)]
    url = f"http://127.0.0.1:{port}{contender.path}"
    with subprocess.Popen(command, env={**os.environ, **contender.environment}, stdout=subprocess.DEVNULL) as process:
        try:
            wait_until(lambda: answers(url, contender.body))
            yield url, process.pid
        finally:
            process.send_signal(signal.SIGTERM)


def answers(url: str, body: str) -> bool:
    try:
        return httpx.post(url, content=body, headers={"content-type": "application/json"}).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def measure(contender: Contender, url: str, pid: int, connections: int, script: Path) -> Measurement:
    script.write_text(
        f"wrk.method = 'POST'\nwrk.body = [=[{contender.body}]=]\nwrk.headers['Content-Type'] = 'application/json'\n"
    )
    wrk = ["wrk", "-t1", f"-c{connections}", f"-d{SECONDS}s", "--latency", "-s", str(script), url]
    before = cpu_seconds(pid)
    done = subprocess.run(["taskset", "-c", CLIENT_CORE, *wrk], check=True, capture_output=True, text=True)
    spent = cpu_seconds(pid) - before
    if "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
        raise SystemExit(f"{contender.name} failed under load:\n{done.stdout}")
    requests = int(found(r"(\d+) requests in", done.stdout))
    return Measurement(
        requests_a_second=float(found(r"Requests/sec:\s+([\d.]+)", done.stdout)),
        p50_ms=milliseconds(found(r"^\s+50%\s+(\S+)$", done.stdout)),
        p99_ms=milliseconds(found(r"^\s+99%\s+(\S+)$", done.stdout)),
        cpu_us=spent / requests * 1e6,
    )


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_A_SECOND


def found(pattern: str, text: str) -> str:
    match = re.search(pattern, text, re.MULTILINE)
    if match is None:
        raise SystemExit(f"no {pattern} in wrk's report:\n{text}")
    return match.group(1)


def milliseconds(text: str) -> float:
    for unit, factor in (("us", 1e-3), ("ms", 1.0), ("s", 1e3)):
        if text.endswith(unit):
            return float(text.removesuffix(unit)) * factor
    raise ValueError(text)


def render(names: list[str], measured: dict[tuple[str, int], list[Measurement]]) -> str:
    lines = [
        "# Serving: MLP 64-64-10, one sample a request",
        "",
        f"{datetime.now(UTC):%d %b %Y}, {cpu_model()}, ONNX Runtime on one thread. Server on one core, wrk on another;",
        f"medians of {ROUNDS} interleaved rounds of {SECONDS} s. Made by `make bench-serving`.",
        "",
        "| server | " + " | ".join(f"{count} conn.: requests/s (p50 / p99 ms), CPU µs" for count in CONNECTIONS) + " |",
        "|---" * (len(CONNECTIONS) + 1) + "|",
    ]
    for name in names:
        cells = [cell(measured[name, connections]) for connections in CONNECTIONS]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def cell(rounds: list[Measurement]) -> str:
    def median(field: str) -> float:
        return statistics.median(getattr(one, field) for one in rounds)

    latency = f"{median('p50_ms'):.2f} / {median('p99_ms'):.2f}"
    return f"{median('requests_a_second'):.0f} ({latency}), {median('cpu_us'):.0f}"


def cpu_model() -> str:
    match = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    return f"{os.cpu_count()} x {match.group(1) if match else 'unknown CPU'}"


if __name__ == "__main__":
    main()
