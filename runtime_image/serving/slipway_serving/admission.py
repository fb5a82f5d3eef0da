"""Who is let in: a bounded number of requests and bytes waits, and whoever is one too many hears it at once."""

import math
import threading
from collections.abc import Callable

from slipway_serving.errors import OverloadedError

_MAX_RETRY_AFTER = 60


class Admission:
    """Counts requests and their bytes from acceptance to answer. Safe to use from any thread.

    `running` and `seconds_per_request` describe the engine behind: how many requests its present run is for, and how
    long one has taken lately. `refused` counts those who were not let in, by reason.
    """

    def __init__(
        self,
        *,
        max_waiting: int,
        max_bytes: int,
        running: Callable[[], int] = lambda: 0,
        seconds_per_request: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self.in_flight = 0
        self.bytes_held = 0
        self._arriving = 0
        self._max_waiting = max_waiting
        self._max_bytes = max_bytes
        self._running = running
        self._seconds_per_request = seconds_per_request
        self._lock = threading.Lock()
        self.refused = {"queue_full": 0, "memory_full": 0}

    def enter(self, announced_bytes: int) -> None:
        """Count a request whose body is still to come. It takes no place in the queue yet, however long it takes.

        Raises:
            OverloadedError: it would not be let in if it were there already.
        """
        with self._lock:
            self._refuse_one_too_many(announced_bytes, is_in=False)
            self.in_flight += 1
            self._arriving += 1

    def hold(self, size: int) -> None:
        """Count bytes of a request that have arrived.

        Raises:
            OverloadedError: they are more than may be held.
        """
        with self._lock:
            if self.bytes_held + size > self._max_bytes:
                raise self._memory_full()
            self.bytes_held += size

    def arrive(self) -> None:
        """The request is complete: from now on it takes a place.

        Raises:
            OverloadedError: there is none left. The request still counts until it leaves.
        """
        with self._lock:
            self._refuse_one_too_many(0, is_in=True)
            self._arriving -= 1

    def leave(self, size: int, *, has_arrived: bool) -> None:
        with self._lock:
            self.in_flight -= 1
            self.bytes_held -= size
            if not has_arrived:
                self._arriving -= 1

    def _refuse_one_too_many(self, size: int, *, is_in: bool) -> None:
        # A property of the engine is asked only where it may decide.
        complete = self.in_flight - self._arriving
        if complete > self._max_waiting and complete - max(1, self._running()) >= self._max_waiting:
            raise self._overloaded("queue_full", f"{self._max_waiting} requests are waiting already")
        if not is_in and self.bytes_held + size > self._max_bytes:
            raise self._memory_full()

    def _memory_full(self) -> OverloadedError:
        return self._overloaded("memory_full", f"requests of {self.bytes_held} bytes are being served already")

    def _overloaded(self, reason: str, sentence: str) -> OverloadedError:
        self.refused[reason] += 1
        seconds = self.in_flight * self._seconds_per_request()
        retry_after = min(_MAX_RETRY_AFTER, max(1, math.ceil(seconds)))
        unit = "a second" if retry_after == 1 else f"{retry_after} seconds"
        return OverloadedError(f"{sentence}; try again in {unit}", retry_after)
