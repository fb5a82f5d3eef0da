"""Time from exec to the first right answer, and memory after it: every server, and bare Python with ONNX Runtime."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from serving.contenders import CONTENDERS, PEERS
from serving.load import SERVER_CORE
from serving.models import Model
from serving.process import pss_bytes, running

BARE = "bare onnxruntime"


def measure_starts(model: Model, rounds: int, folder: Path) -> list[dict[str, Any]]:
    """One entry for each server: medians over interleaved starts. The files are in the page cache."""
    starters = {one.name: one for one in CONTENDERS if model.name in one.models and not one.format.is_grpc}
    seconds: dict[str, list[float]] = {name: [] for name in (BARE, *starters)}
    memory: dict[str, list[int]] = {name: [] for name in seconds}
    inputs = folder / f"{model.name}.npz"
    np.savez(inputs, **model.sample)
    for number in range(rounds):
        with bare(model, inputs) as (took, pid):
            seconds[BARE].append(took)
            memory[BARE].append(pss_bytes(pid))
        for name, contender in starters.items():
            with running(contender, model, folder / "start.log") as server:
                seconds[name].append(server.start_seconds)
                memory[name].append(server.pss_bytes())
        print(f"{model.name}: start {number + 1} of {rounds}", flush=True)
    return [
        {"model": model.name, "server": name, "startSeconds": median(seconds[name]), "pssBytes": median(memory[name])}
        for name in seconds
    ]


@contextmanager
def bare(model: Model, inputs: Path) -> Iterator[tuple[float, int]]:
    command = ["taskset", "-c", SERVER_CORE, sys.executable, str(PEERS / "bare_start.py"), str(model.onnx), str(inputs)]
    begin = time.perf_counter()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        process.stdout.readline()
        yield time.perf_counter() - begin, process.pid
        process.stdin.close()
