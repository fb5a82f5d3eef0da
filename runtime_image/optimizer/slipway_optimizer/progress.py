"""What the Job says while it runs (JSON lines on stdout) and when it ends (the termination message)."""

import json
import os
from collections.abc import Collection
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Final, Literal, TextIO

from slipway_contract.redaction import without_secrets
from slipway_contract.result import Failed, Resolved, Succeeded
from slipway_optimizer.environment import peak_memory_bytes

Stage = Literal["Fetch", "Load", "Prune", "Distill", "Export", "Verify", "Quantize", "Measure", "Publish"]

DEFAULT_TERMINATION_LOG = Path("/dev/termination-log")

# How long each stage takes, more or less, beside the others.
SHARES: Final[dict[Stage, int]] = {
    "Fetch": 20,
    "Load": 10,
    "Prune": 25,
    "Distill": 100,
    "Export": 20,
    "Verify": 10,
    "Quantize": 10,
    "Measure": 25,
    "Publish": 5,
}
# Only for those who ask for them.
OPTIONAL: Final[frozenset[Stage]] = frozenset({"Prune", "Distill"})


def spans(wanted: Collection[Stage] = ()) -> dict[Stage, tuple[float, float]]:
    """Where each stage begins and ends on the scale of the whole Job, in percent.

    Args:
        wanted: which of the optional stages there are; the others have no span.
    """
    shares = {stage: share for stage, share in SHARES.items() if stage not in OPTIONAL or stage in wanted}
    ends = [100 * end / sum(shares.values()) for end in accumulate(shares.values())]
    return dict(zip(shares, pairwise([0.0, *ends]), strict=True))


class Progress:
    """Writes one JSON object a line; percent counts the whole Job and never goes back."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._last: tuple[Stage, int, str] | None = None
        self._reached = 0
        self._spans = spans()

    def expect(self, wanted: Collection[Stage]) -> None:
        """Make room for optional stages."""
        self._spans = spans(wanted)

    def report(self, stage: Stage, message: str, fraction: float = 0.0, eta_seconds: float | None = None) -> None:
        """Say that `fraction` (0 to 1) of a stage is done; the same line is not repeated.

        `eta_seconds` is how long the stage will still take, where that is known.
        """
        message = without_secrets(message)
        start, end = self._spans[stage]
        # Several downloads go on side by side: one that has just begun takes nothing back from the others.
        self._reached = percent = max(
            self._reached, int(round(start + (end - start) * min(max(fraction, 0.0), 1.0), 6))
        )
        if (stage, percent, message) == self._last:
            return
        self._last = (stage, percent, message)
        line: dict[str, object] = {"event": "progress", "stage": stage, "percent": percent, "message": message}
        if eta_seconds is not None:
            line["etaSeconds"] = round(eta_seconds)
        # Whoever is killed for its memory says nothing more: what it used has to be on record before.
        line["peakMemoryBytes"] = peak_memory_bytes()
        self._write(line)

    def result(self, result: Succeeded | Resolved | Failed) -> None:
        """The last line, and the termination message where there is a file for it."""
        body = result.model_dump(mode="json", by_alias=True, exclude_none=True)
        log = _termination_log()
        if log is not None:
            log.write_text(json.dumps(body, ensure_ascii=False))
        self._write({"event": "result", **body})

    def _write(self, line: dict[str, object]) -> None:
        self._stream.write(json.dumps(line, ensure_ascii=False) + "\n")
        self._stream.flush()


def _termination_log() -> Path | None:
    named = os.environ.get("SLIPWAY_TERMINATION_LOG")
    if named:
        return Path(named)
    return DEFAULT_TERMINATION_LOG if DEFAULT_TERMINATION_LOG.is_file() else None
