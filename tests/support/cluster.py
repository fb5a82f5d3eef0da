"""The cluster that the tests talk to: the one that KUBECONFIG names, else the bundled one."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from demo import shell

ROOT = shell.ROOT
BUNDLED = shell.STATE

# What never comes true fails late; what comes true late, on a machine that does other things, too, does not fail.
PATIENCE_SECONDS = 300.0
PAUSE_SECONDS = 0.2

T = TypeVar("T")


def kubeconfig() -> Path:
    """The kubeconfig of the cluster to test on."""
    return Path(shell.kubeconfig())


def kubectl(*arguments: str, stdin: str | None = None) -> str:
    """Standard output of kubectl; its error message becomes the exception's."""
    command = [shell.tool("kubectl"), f"--kubeconfig={kubeconfig()}", *arguments]
    result = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise RuntimeError(f"kubectl {' '.join(arguments)}: {result.stderr.strip()}")
    return result.stdout


def wait_for(
    condition: Callable[[], T], timeout: float = PATIENCE_SECONDS, message: str = "the condition never held"
) -> T:
    """The condition's value as soon as it is true-like; `timeout` in seconds."""
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"after {timeout:.0f} s: {message}")
        time.sleep(PAUSE_SECONDS)
    return value
