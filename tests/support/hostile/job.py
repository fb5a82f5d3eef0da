"""Runs a Job on hostile input, and says how much memory it took and what it left."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.optimizer_jobs import run

from slipway_contract.result import ExitCode, Failed
from slipway_optimizer.errors import failure_of

MIB = 1 << 20


@dataclass(frozen=True)
class Refusal:
    """How a Job failed; `memory` is by how many bytes the process grew at most."""

    code: ExitCode
    failed: Failed
    memory: int
    left: list[str]


def refuse(folder: Path, model: dict[str, Any], optimize: dict[str, Any] | None = None) -> Refusal:
    """Run a Job that has to fail."""
    scratch = folder / "scratch"
    scratch.mkdir()
    before = _reset_peak()
    with _scratch(scratch):
        error = _failure(folder, model, optimize)
    peak = _status("VmHWM")
    code, failed = failure_of(error)
    left = [path.name for path in scratch.iterdir()] + [path.name for path in folder.glob("store/**/*")]
    return Refusal(code, failed, peak - before, left)


def _failure(folder: Path, model: dict[str, Any], optimize: dict[str, Any] | None) -> BaseException:
    try:
        run(folder, model, optimize)
    except Exception as error:
        return error
    raise AssertionError("the Job succeeded")


@contextmanager
def _scratch(folder: Path) -> Iterator[None]:
    before, tempfile.tempdir = tempfile.tempdir, str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before


def _reset_peak() -> int:
    # 5 resets the peak: https://docs.kernel.org/filesystems/proc.html
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))
