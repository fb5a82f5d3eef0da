"""The cluster that the tests talk to: the one that KUBECONFIG names, else the bundled one."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

ROOT = Path(__file__).resolve().parents[2]
BUNDLED = ROOT / ".cluster"

T = TypeVar("T")


def kubeconfig() -> Path:
    """The kubeconfig of the cluster to test on."""
    given = os.environ.get("KUBECONFIG")
    path = Path(given) if given else BUNDLED / "kubeconfig"
    if not path.exists():
        reason = "which KUBECONFIG names" if given else "which `make cluster-up` writes"
        raise RuntimeError(f"No cluster to test on: there is no {path}, {reason}.")
    return path


def kubectl(*arguments: str, stdin: str | None = None) -> str:
    """Standard output of kubectl; its error message becomes the exception's."""
    command = [kubectl_program(), f"--kubeconfig={kubeconfig()}", *arguments]
    result = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise RuntimeError(f"kubectl {' '.join(arguments)}: {result.stderr.strip()}")
    return result.stdout


def kubectl_program() -> str:
    bundled = BUNDLED / "bin/kubectl"
    program = str(bundled) if bundled.exists() else shutil.which("kubectl")
    if program is None:
        raise RuntimeError("kubectl is neither in .cluster/bin (`make cluster-up` builds it) nor on PATH.")
    return program


def wait_for(
    condition: Callable[[], T], timeout: float = 60.0, interval: float = 0.2, message: str = "the condition never held"
) -> T:
    """The condition's value as soon as it is true-like; `timeout` and `interval` in seconds."""
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"after {timeout:.0f} s: {message}")
        time.sleep(interval)
    return value
