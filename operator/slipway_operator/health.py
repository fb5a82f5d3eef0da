"""Is the process still hearing the cluster: the decision behind the liveness probe, without I/O.

A watch can go deaf without an error: a load balancer forgets the connection, or the watching task ends while the
process lives (nolar/kopf#585, #698, #1276). Silence alone proves nothing, a quiet cluster is silent too. But every
pass also reads objects with GET and LIST. An object whose version was read, and that has not come through the watch
of its kind a while later, proves that the watch is deaf. While the API server is down nothing is read, so nothing
is proved, and no restart is asked for that would not help.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple


class Stream(NamedTuple):
    """One watch: of a plural, in one namespace or (None) in all."""

    plural: str
    namespace: str | None


@dataclass(frozen=True)
class _Missing:
    """A version that was read `since`, and read again at `until`, and that the watch has not delivered."""

    version: int
    since: float
    until: float


class WatchHealth:
    """Compares what was read with what the watches delivered.

    resourceVersions of one resource are decimal numbers that grow, and a watch delivers them in order
    (https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions).
    """

    def __init__(self, limit: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Take as `limit` the seconds that a watch may be behind."""
        self._limit = limit
        self._clock = clock
        self._delivered: dict[Stream, int] = {}
        self._delivered_at: dict[Stream, float] = {}
        self._missing: dict[Stream, dict[str, _Missing]] = {}

    def delivered(self, stream: Stream, version: str) -> None:
        """An event came through the watch."""
        newest = max(self._delivered.get(stream, 0), int(version))
        self._delivered[stream] = newest
        self._delivered_at[stream] = self._clock()
        missing = self._missing.get(stream, {})
        self._missing[stream] = {uid: entry for uid, entry in missing.items() if entry.version > newest}

    def read(self, stream: Stream, uid: str, version: str) -> None:
        """An object was read in this version."""
        if int(version) <= self._delivered.get(stream, 0):
            return
        missing = self._missing.setdefault(stream, {})
        now = self._clock()
        first = missing.get(uid)
        # The oldest version that is missing counts: an object that changes all the time is not younger for that.
        missing[uid] = _Missing(int(version), now, now) if first is None else _Missing(first.version, first.since, now)

    def deaf(self) -> list[str]:
        """A sentence for each watch that is behind by more than the limit.

        An object counts only if it was read again after the limit: one that has gone since is no evidence.
        """
        return [
            f"the watch of {stream.plural} in {stream.namespace or 'all namespaces'} has been silent "
            f"for {max(entry.until - entry.since for entry in late):.0f} s about objects that changed"
            for stream, missing in self._missing.items()
            if (late := [entry for entry in missing.values() if entry.until - entry.since >= self._limit])
        ]

    def ages(self) -> dict[Stream, float]:
        """Seconds since the last event of each watch."""
        now = self._clock()
        return {stream: now - at for stream, at in self._delivered_at.items()}
