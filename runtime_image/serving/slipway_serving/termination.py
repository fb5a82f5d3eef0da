"""The last words of a process that failed: one sentence on stderr, and where Kubernetes reads a container's message."""

import os
import sys
from pathlib import Path

_DEFAULT = Path("/dev/termination-log")


def report_failure(sentence: str) -> None:
    """Kubernetes makes the default file in a container; elsewhere it is absent and only stderr is written."""
    sys.stderr.write(sentence + "\n")
    named = os.environ.get("SLIPWAY_TERMINATION_LOG")
    if named:
        Path(named).write_text(sentence)
    elif _DEFAULT.exists():
        _DEFAULT.write_text(sentence)
