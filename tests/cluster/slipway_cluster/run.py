"""Run a short command of the machine (ip, nft, mount, kubectl) and turn its failure into a sentence."""

import subprocess
from pathlib import Path

from slipway_cluster.errors import ClusterError


def run(*argv: str | Path, stdin: str | None = None, timeout: float = 120.0) -> str:
    """Standard output of the command."""
    command = [str(argument) for argument in argv]
    result = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=timeout, check=False)
    if result.returncode != 0:
        raise ClusterError(f"`{' '.join(command)}` failed: {result.stderr.strip() or result.stdout.strip()}")
    return result.stdout


def succeeds(*argv: str | Path) -> bool:
    command = [str(argument) for argument in argv]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0
