"""What the optimizer makes of five real models: size, latency, metric, and what the Job itself costs.

python tests/benchmarks/optimizer.py [MODEL ...]

Latency ratios are the Job's own: all candidates in one process, interleaved. The Job's time is compared with a process
that only calls `torch.onnx.export`, run before and after it, so that a slow moment of the machine hits both.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from statistics import mean
from typing import Any

import yaml

from slipway_contract.manifest import MANIFEST_FILE, Candidate, Manifest

HERE = Path(__file__).parent
RESULT = HERE / "results" / "optimizer.md"
MODELS = ("lite0", "minilm", "silero_vad", "mnist", "torchcrepe")
MEGABYTE = 1_000_000
COLUMNS = (
    *("model", "plain export", "served", "size", "latency", "metric, before", "after"),
    *("Job", "bare export", "ratio", "peak memory"),
)


@dataclass(frozen=True)
class Process:
    """One finished process: wall time in seconds, peak resident memory in bytes, and when it wrote each line."""

    seconds: float
    peak_bytes: int
    lines: Sequence[tuple[float, dict[str, Any]]]


@dataclass(frozen=True)
class Result:
    """One model's Job, and the bare exports around it; None where the Job trains, too."""

    name: str
    manifest: Manifest
    job: Process
    bare_seconds: float | None


def main(names: Sequence[str]) -> None:
    results = []
    for name in names or MODELS:
        with tempfile.TemporaryDirectory() as folder:
            print(f"{name} ...", flush=True)  # noqa: T201 (a command that people watch)
            results.append(measure(name, Path(folder)))
        print(f"{name}: {results[-1].job.seconds:.0f} s", flush=True)  # noqa: T201
    text = render(results)
    if not names:
        RESULT.write_text(text)
    sys.stdout.write(text)


def measure(name: str, folder: Path) -> Result:
    document = import_module(f"support.real_models.{name}").prepare(folder)
    spec = folder / "modeldeployment.yaml"
    spec.write_text(yaml.safe_dump(document))
    store = folder / "store"
    export = [sys.executable, str(HERE / "bare_export.py"), str(spec), str(folder / "bare.onnx")]
    trains = bool(document["spec"]["optimize"].keys() & {"prune", "distill"})
    bare = [] if trains else [run(export, folder).seconds]
    job = run([sys.executable, "-m", "slipway_optimizer", "--spec", str(spec), "--out", str(store)], folder)
    bare += [] if trains else [run(export, folder).seconds]
    (manifest,) = store.glob(f"*/{MANIFEST_FILE}")
    parsed = Manifest.model_validate_json(manifest.read_bytes())
    return Result(name, parsed, job, mean(bare) if bare else None)


def run(command: list[str], folder: Path) -> Process:
    """Run a process to its end; what it prints as JSON lines is kept with its time."""
    environment = {**os.environ, "TMPDIR": str(folder), "PYTHONWARNINGS": "ignore"}
    started = time.monotonic()
    with (
        (folder / "errors").open("wb+") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, env=environment) as process,
    ):
        assert process.stdout is not None
        lines = [(time.monotonic() - started, json.loads(line)) for line in process.stdout if line.startswith(b"{")]
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    said = (folder / "errors").read_text()
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}: {said[-2000:]}")
    return Process(time.monotonic() - started, usage.ru_maxrss * 1024, lines)


def stage_seconds(job: Process) -> dict[str, float]:
    """How long the Job was in each stage, start-up included in the first."""
    spent: dict[str, float] = {}
    stage, since = "Start", 0.0
    for at, line in job.lines:
        if line.get("event") == "progress" and line["stage"] != stage:
            spent[stage] = spent.get(stage, 0.0) + at - since
            stage, since = line["stage"], at
    spent[stage] = spent.get(stage, 0.0) + job.seconds - since
    return spent


def render(results: Sequence[Result]) -> str:
    first = results[0].manifest.hardware
    lines = [
        "# The optimizer on real models",
        "",
        f"`make bench-optimizer`, {datetime.now(UTC):%d %B %Y}, {first.cpu}, {first.threads} threads. Latency: how",
        "many times as fast as the plain export, with the 95 % interval. Peak memory: resident, mapped files included.",
        "",
        f"| {' | '.join(COLUMNS)} |",
        f"|{'---|' * len(COLUMNS)}",
        *(row(result) for result in results),
        "",
        "## Every candidate",
        "",
        *(line for result in results for line in candidates(result)),
        "## Where the Jobs' time went, in seconds",
        "",
        *(f"- {result.name}: {stages(result.job)}" for result in results),
        "",
    ]
    return "\n".join(lines)


def row(result: Result) -> str:
    manifest = result.manifest
    baseline, chosen = manifest.baseline, manifest.chosen
    bare = result.bare_seconds
    cells = [
        result.name,
        _megabytes(baseline.size_bytes),
        chosen.name,
        f"{_megabytes(chosen.size_bytes)} ({(chosen.size_bytes or 0) / (baseline.size_bytes or 1):.0%})",
        _speed(chosen),
        _number(baseline.score),
        _number(chosen.score),
        f"{result.job.seconds:.0f} s",
        f"{bare:.1f} s" if bare else "it trains",
        f"{result.job.seconds / bare:.1f}" if bare else "",
        _megabytes(result.job.peak_bytes),
    ]
    return f"| {' | '.join(cells)} |"


def candidates(result: Result) -> list[str]:
    head = [f"### {result.name}", "", "| candidate | size | latency | metric | verdict |", "|---|---|---|---|---|"]
    rows = [
        f"| {one.name} | {_megabytes(one.size_bytes)} | {_speed(one)} | {_number(one.score)} | {one.reason} |"
        for one in result.manifest.candidates
    ]
    return [*head, *rows, ""]


def stages(job: Process) -> str:
    return ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in stage_seconds(job).items())


def _megabytes(size: int | None) -> str:
    return "" if size is None else f"{size / MEGABYTE:,.1f} MB"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _speed(candidate: Candidate) -> str:
    if candidate.speedup is None:
        return ""
    if candidate.speedup_low is None or candidate.speedup_high is None:
        return f"{candidate.speedup:.2f}"
    return f"{candidate.speedup:.2f} ({candidate.speedup_low:.2f} to {candidate.speedup_high:.2f})"


if __name__ == "__main__":
    main(sys.argv[1:])
