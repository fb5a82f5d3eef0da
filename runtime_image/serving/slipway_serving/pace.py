"""How long a run holds its thread, learned from the runs before, by the size of their inputs.

Safe to use from any thread: of two that record at once, one may go unheard.
"""

_DECAY = 0.75
_PER_REQUEST_WEIGHT = 0.2


class Pace:
    """A slow run is believed at once, a fast one only after some more like it: who is wrong then waits too rarely."""

    def __init__(self) -> None:
        self._seconds: dict[int, float] = {}
        self.seconds_per_request = 0.0

    def record(self, size: int, seconds: float) -> None:
        """A run over `size` bytes of inputs took its thread so long."""
        bucket = size.bit_length()
        known = self._seconds.get(bucket, seconds)
        self._seconds[bucket] = max(seconds, known * _DECAY + seconds * (1 - _DECAY))

    def record_service(self, requests: int, seconds: float) -> None:
        """A batch of so many requests was served in so long, by the clock on the wall."""
        latest = seconds / requests
        known = self.seconds_per_request or latest
        self.seconds_per_request = known + (latest - known) * _PER_REQUEST_WEIGHT

    def expect(self, size: int) -> float:
        """Seconds that a run over so many bytes will take; infinity where nothing like it was seen.

        Of a size that is new, as if cost grew with the size from the nearest smaller one.
        """
        bucket = size.bit_length()
        seconds = self._seconds.get(bucket)
        if seconds is not None:
            return seconds
        others = list(self._seconds)
        smaller = max((known for known in others if known < bucket), default=None)
        if smaller is not None:
            return self._seconds[smaller] * float(1 << (bucket - smaller))
        return min((self._seconds[known] for known in others), default=float("inf"))
