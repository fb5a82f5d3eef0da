"""A log line for an inference request, for a chosen share of them: none unless asked for, since each costs time."""

import itertools
import math

from slipway_serving.logs import log_event
from slipway_serving.ticket import Ticket

_SERVER_ERROR = 500
_SERVERS_FAULT = frozenset({"INTERNAL", "UNAVAILABLE", "RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED", "UNKNOWN"})


class AccessLog:
    """Evenly spread: with a share of 0.1, every tenth request. With any share above 0, all that the server failed."""

    def __init__(self, share: float) -> None:
        self.is_on = share > 0
        self._share = share
        self._count = itertools.count()  # safe between threads

    def note(self, ticket: Ticket, answered: float) -> None:
        """Log a request, or not, that was answered at this instant of `time.monotonic`."""
        number = next(self._count)
        is_drawn = math.floor((number + 1) * self._share) > math.floor(number * self._share)
        if is_drawn or is_servers_fault(ticket.code):
            log_event("request", **describe(ticket, answered))


def is_servers_fault(code: int | str) -> bool:
    return code in _SERVERS_FAULT if isinstance(code, str) else code >= _SERVER_ERROR


def describe(ticket: Ticket, answered: float) -> dict[str, object]:
    """What is said of a request; times of stages only where it came so far."""
    line: dict[str, object] = {
        "requestId": ticket.request_id,
        "protocol": ticket.protocol,
        "route": ticket.route,
        "code": ticket.code,
        "bytes": ticket.size,
        "milliseconds": _milliseconds(answered - ticket.accepted),
    }
    if ticket.ended:
        line["rows"] = ticket.rows
        line["queueMilliseconds"] = _milliseconds(ticket.started - ticket.enqueued)
        line["computeMilliseconds"] = _milliseconds(ticket.ended - ticket.started)
        line["encodeMilliseconds"] = _milliseconds(answered - ticket.ended)
    return line


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 3)
