"""One timer on the event loop for the deadlines of all requests that wait, so that none pays for its own."""

import asyncio
import time
from collections.abc import Callable

# The clock of an event loop may be this coarse: it would call too early again and again.
_LEAST_SECONDS = 0.001


class DeadlineTimer:
    """Calls `sweep` with the time, at the earliest deadline that it was told of; `sweep` returns the earliest left.

    Instants are of `time.monotonic`. Used on one event loop only.
    """

    def __init__(self, sweep: Callable[[float], float | None]) -> None:
        self._sweep = sweep
        self._next = float("inf")
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, deadline: float | None, loop: asyncio.AbstractEventLoop) -> None:
        if deadline is None or deadline >= self._next:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._next = deadline
        self._timer = loop.call_later(max(_LEAST_SECONDS, deadline - time.monotonic()), self._fire, loop)

    def _fire(self, loop: asyncio.AbstractEventLoop) -> None:
        self._next, self._timer = float("inf"), None
        self.watch(self._sweep(time.monotonic()), loop)
