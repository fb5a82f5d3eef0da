"""Ten times the capacity for a minute: what is still answered, how late, and what it does to memory."""

import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from serving.contenders import SLIPWAY
from serving.load import CLIENT_CORE, put_load
from serving.models import Model
from serving.process import Running, running

TIMES = 10
CONNECTIONS_AT_CAPACITY = 32
CAPACITY_SECONDS = 8
MICROSECONDS = 1_000_000
OK = "200"


def measure_overload(model: Model, seconds: int, folder: Path) -> dict[str, Any]:
    """An open loop: each of many connections asks at its own rate whatever is answered."""
    contender = next(
        one
        for one in SLIPWAY
        if one.format.name == "OIP binary" and one.environment == {"SLIPWAY_BATCH_MAX_SIZE": "32"}
    )
    with running(contender, model, folder / "overload.log") as server:
        capacity = put_load(server.port, contender.format, model, CONNECTIONS_AT_CAPACITY, CAPACITY_SECONDS)
        before = server.pss_bytes()
        answered, refused, times = _flood(server, round(capacity.requests_a_second * TIMES), seconds)
        after = server.pss_bytes()
        recovered = put_load(server.port, contender.format, model, CONNECTIONS_AT_CAPACITY, CAPACITY_SECONDS)
    p50, p99 = np.percentile(times, [50, 99])
    return {
        "model": model.name,
        "capacity": capacity.requests_a_second,
        "offered": (answered + refused) / seconds,
        "goodput": answered / seconds,
        "goodputOverCapacity": answered / seconds / capacity.requests_a_second,
        "afterwardsOverCapacity": recovered.requests_a_second / capacity.requests_a_second,
        "acceptedP50Ms": float(p50),
        "acceptedP99Ms": float(p99),
        "pssBytesBefore": before,
        "pssBytesAfter": after,
    }


def _flood(server: Running, rate: int, seconds: int) -> tuple[int, int, list[float]]:
    """Answered, refused, and the milliseconds of each that was answered."""
    how, model = server.contender.format, server.model
    body, headers = how.encode(model)
    # One request a second and connection, so that a connection which waits for its answer holds little back.
    clients = str(rate)
    with tempfile.TemporaryDirectory() as folder:
        content, log = Path(folder) / "body", Path(folder) / "times"
        content.write_bytes(body)
        given = [part for name, value in headers.items() for part in ("-H", f"{name}: {value}")]
        options = [
            "--h1",
            "-t",
            "1",
            "-c",
            clients,
            "--rps",
            "1",
            "-D",
            str(seconds),
            f"--log-file={log}",
            "-d",
            str(content),
        ]
        command = ["taskset", "-c", CLIENT_CORE, "h2load", *options, *given]
        subprocess.run(
            [*command, f"http://127.0.0.1:{server.port}{how.path(model.name)}"], check=True, capture_output=True
        )
        lines = [line.split("\t") for line in log.read_text().splitlines()]
    times = [int(took) / 1000 for _, status, took in lines if status == OK]
    return len(times), len(lines) - len(times), times
