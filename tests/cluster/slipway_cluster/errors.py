"""What a person sees when the cluster does not come up: one sentence, and the log lines that explain it."""

from pathlib import Path

TAIL_LINES = 25


class ClusterError(Exception):
    """A sentence that says what is wrong and what to do."""


class ComponentFailedError(ClusterError):
    """A component that ended or never became ready, with the tail of its log."""

    def __init__(self, name: str, problem: str, log: Path) -> None:
        super().__init__(f"{name} {problem}. The end of {log}:\n{log_tail(log)}")


def log_tail(log: Path, lines: int = TAIL_LINES) -> str:
    if not log.exists():
        return "    (no log)"
    text = log.read_text(errors="replace").splitlines()[-lines:]
    return "\n".join(f"    {line[:400]}" for line in text) or "    (empty)"
