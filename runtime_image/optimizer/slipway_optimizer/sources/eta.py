"""How long a download will still take, from how fast it went lately."""

import time
from collections import deque
from collections.abc import Callable
from typing import Final

WINDOW_SECONDS: Final = 30.0
SETTLED_SECONDS: Final = 2.0


class Eta:
    """Keeps what had come at which time, for half a minute back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: deque[tuple[float, int]] = deque([(clock(), 0)])

    def seconds(self, done: int, size: int | None) -> float | None:
        """Seconds until `size` bytes are there; None as long as nobody can know."""
        now = self._clock()
        if now - self._seen[-1][0] >= 1.0:
            self._seen.append((now, done))
        while len(self._seen) > 1 and now - self._seen[0][0] > WINDOW_SECONDS:
            self._seen.popleft()
        since, before = self._seen[0]
        if size is None or now - since < SETTLED_SECONDS or done <= before:
            return None
        return (size - done) * (now - since) / (done - before)
