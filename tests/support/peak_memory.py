"""The most memory that a process had, stage by stage: pages of its own apart from mapped files' pages.

A container is killed for the first kind. Clean pages of a mapped file are the kernel's to drop whenever it needs room.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from support.optimizer import ends

LARGE_TRANSFORMER = Path(__file__).with_name("large_transformer.py")
SECONDS_BETWEEN = 0.005
KINDS = {"VmRSS": "resident", "RssAnon": "anonymous", "RssFile": "mapped"}


@dataclass
class Peak:
    """Bytes at the worst moments, each of its own: `resident` is less than the sum of the others'."""

    resident: int = 0
    anonymous: int = 0
    mapped: int = 0


@dataclass
class Watched:
    """A process that ended: its exit code, its peaks by stage in order, and its last line."""

    code: int = 0
    stages: dict[str, Peak] = field(default_factory=dict)
    last: dict[str, Any] = field(default_factory=dict)

    def most(self, kind: str) -> int:
        return max(int(getattr(peak, kind)) for peak in self.stages.values())


def watch(command: Sequence[str], environment: Mapping[str, str]) -> Watched:
    """Run a command that prints JSON lines with a `stage`, and read its memory all the time."""
    done, stage = Watched(), ["Start"]
    environment = {**os.environ, **environment}
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
    ):
        ended = threading.Event()
        reader = threading.Thread(target=_read, args=(process.pid, done, stage, ended))
        reader.start()
        assert process.stdout is not None
        for line in process.stdout:
            done.last = json.loads(line)
            stage[0] = done.last.get("stage", stage[0])
            # Also one that is over before memory is read again.
            done.stages.setdefault(stage[0], Peak())
        done.code = process.wait()
        ended.set()
        reader.join()
    return done


def _read(pid: int, done: Watched, stage: Sequence[str], ended: threading.Event) -> None:
    while not ended.wait(SECONDS_BETWEEN):
        try:
            lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        except OSError:
            return
        peak = done.stages.setdefault(stage[0], Peak())
        for line in lines:
            name, _, rest = line.partition(":")
            if name in KINDS:
                setattr(peak, KINDS[name], max(getattr(peak, KINDS[name]), int(rest.split()[0]) * 1024))


def write_large_transformer(folder: Path, width: int, layers: int) -> tuple[Path, int]:
    """Random weights of a transformer, written by a process of their own; the spec for them, and their bytes."""
    weights = folder / "transformer.pth"
    code = f"from support.large_transformer import *; save_random_weights({str(weights)!r}, {width}, {layers})"
    paths = {"PYTHONPATH": str(LARGE_TRANSFORMER.parents[1])}
    subprocess.run([sys.executable, "-c", code], env={**os.environ, **paths}, check=True)
    model = {
        "source": {"uri": weights.as_uri()},
        "format": "StateDict",
        "factory": "large_transformer:LargeTransformer",
        "factoryKwargs": {"width": width, "layers": layers},
        "code": {"uri": LARGE_TRANSFORMER.as_uri()},
        # One row: how many the batch-size curve tries depends on the machine, and so does what activations take.
        **ends({"ids": ("int64", [1, "time"])}, ["hidden"]),
    }
    spec = folder / "modeldeployment.yaml"
    document = {
        "apiVersion": "serving.slipway.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": "transformer"},
        "spec": {"model": model, "optimize": {"quantize": {"mode": "None"}}},
    }
    spec.write_text(yaml.safe_dump(document))
    return spec, weights.stat().st_size


def watch_job(spec: Path, folder: Path) -> Watched:
    """Run the Job of a spec; its artifact lands in `folder/store`."""
    scratch = folder / "scratch"
    scratch.mkdir(exist_ok=True)
    environment = {"TMPDIR": str(scratch), "SLIPWAY_TERMINATION_LOG": str(folder / "termination-log")}
    command = [sys.executable, "-m", "slipway_optimizer", "--spec", str(spec), "--out", str(folder / "store")]
    return watch(command, environment)
