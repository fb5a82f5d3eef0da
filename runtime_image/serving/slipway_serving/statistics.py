"""What one model has done since it was loaded, in the counters of the protocol's statistics extension."""

import threading
import time
from dataclasses import dataclass, field
from typing import Any

from slipway_serving.ticket import Ticket

_ANSWERED = (200, "OK")
_NANOSECONDS = 1_000_000_000


@dataclass
class Total:
    """How often something happened, and how long it took altogether."""

    count: int = 0
    seconds: float = 0.0

    def add(self, seconds: float) -> None:
        self.count += 1
        self.seconds += seconds

    def describe(self) -> dict[str, int]:
        return {"count": self.count, "ns": max(0, round(self.seconds * _NANOSECONDS))}


@dataclass
class _Stages:
    success: Total = field(default_factory=Total)
    fail: Total = field(default_factory=Total)
    queue: Total = field(default_factory=Total)
    compute_input: Total = field(default_factory=Total)
    compute_infer: Total = field(default_factory=Total)
    compute_output: Total = field(default_factory=Total)


class Statistics:
    """Safe to use from any thread.

    Attributes:
        inference_count: rows that were computed for requests.
        execution_count: runs of the model.
        last_inference: milliseconds since the epoch; 0 before the first.
    """

    def __init__(self) -> None:
        self.inference_count = 0
        self.execution_count = 0
        self.last_inference = 0
        self._stages = _Stages()
        self._runs: dict[int, Total] = {}
        self._lock = threading.Lock()

    def count_request(self, ticket: Ticket, answered: float) -> None:
        """A request that has left, at this instant of `time.monotonic`."""
        stages = self._stages
        with self._lock:
            if ticket.code not in _ANSWERED or not ticket.ended:
                stages.fail.add(answered - ticket.accepted)
                return
            stages.success.add(answered - ticket.accepted)
            stages.compute_input.add(ticket.enqueued - (ticket.arrived or ticket.accepted))
            stages.queue.add(ticket.started - ticket.enqueued)
            stages.compute_infer.add(ticket.ended - ticket.started)
            stages.compute_output.add(answered - ticket.ended)
            self.inference_count += ticket.rows

    def count_run(self, rows: int, seconds: float) -> None:
        with self._lock:
            self.execution_count += 1
            self.last_inference = time.time_ns() // 1_000_000
            self._runs.setdefault(rows, Total()).add(seconds)

    def describe(self) -> dict[str, Any]:
        """The counters as the statistics extension names them, without the model's name and version.

        Of batches only the run itself is known, because inputs and outputs are handled request by request.
        """
        with self._lock:
            return {
                "last_inference": self.last_inference,
                "inference_count": self.inference_count,
                "execution_count": self.execution_count,
                "inference_stats": {stage: total.describe() for stage, total in vars(self._stages).items()},
                "batch_stats": [
                    {"batch_size": rows, "compute_infer": total.describe()}
                    for rows, total in sorted(self._runs.items())
                ],
            }
