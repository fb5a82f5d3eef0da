"""Cuts connections whose other end does not come forward, so that none is held for ever for nothing.

Looks at all of them now and then, as uvicorn keeps them, so that no request pays for it.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal
from weakref import WeakKeyDictionary

Phase = Literal["receiving", "sending"]


@dataclass(frozen=True, slots=True)
class Seen:
    """What a connection waited for when it was first seen to wait: nothing has come of it since `since`."""

    phase: Phase
    request: int
    unsent: int
    since: float


class ConnectionWatch:
    """A request has `receive_timeout` seconds to arrive, from its first byte to its last; so has a connection to begin.

    An answer may lie unread for `send_timeout`. Between two requests, uvicorn's keep-alive timeout counts.
    """

    def __init__(
        self, *, receive_timeout: float, send_timeout: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._limits: dict[Phase, float] = {"receiving": receive_timeout, "sending": send_timeout}
        self._clock = clock
        self._seen: WeakKeyDictionary[Any, Seen] = WeakKeyDictionary()

    def cut_stuck(self, connections: Iterable[Any]) -> dict[Phase, int]:
        """Abort the connections (uvicorn's HTTP protocols) that are stuck; how many, by what they waited for."""
        now = self._clock()
        cut: dict[Phase, int] = {"receiving": 0, "sending": 0}
        for connection in list(connections):
            phase = phase_of(connection)
            if phase is None:
                self._seen.pop(connection, None)
                continue
            latest = Seen(phase, id(connection.cycle), connection.transport.get_write_buffer_size(), now)
            seen = self._seen.get(connection)
            if seen is None or _has_moved(seen, latest):
                self._seen[connection] = latest
            elif now - seen.since >= self._limits[phase]:
                connection.transport.abort()
                cut[phase] += 1
        return cut


def phase_of(connection: Any) -> Phase | None:
    """What the connection waits for its client to do; None where it is the server's turn, or nobody's."""
    if connection.transport.is_closing():
        return None
    if connection.transport.get_write_buffer_size():
        return "sending"
    if connection.flow.read_paused:
        return None
    cycle = connection.cycle
    if cycle is None:
        return "receiving"
    if cycle.response_complete:
        # uvicorn's own timer runs until the next request begins.
        return None if connection.timeout_keep_alive_task is not None else "receiving"
    return "receiving" if cycle.more_body else None


def _has_moved(before: Seen, now: Seen) -> bool:
    if before.phase != now.phase:
        return True
    return now.unsent < before.unsent if now.phase == "sending" else before.request != now.request
