"""Reads the last lines of optimization pods' logs, and not more often than a reader of the status can follow.

Each pass that finds new progress writes a status, which its own watch delivers as a reason for the next pass: without
a pause between two reads, a Job that reports ten times a second would be a write to the API server for each report.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from slipway_operator.kinds import POD
from slipway_operator.kube import ApiError, KubeApi
from slipway_operator.ownership import uid_of
from slipway_operator.state import Object

logger = logging.getLogger(__name__)

TAIL_LINES = "20"
TAIL_BYTES = "16384"
PROGRESS_INTERVAL = 5.0  # seconds


class PodLogs:
    """The tail of a running pod is remembered for `interval` seconds; that of one that ended is read as it is now."""

    def __init__(
        self, api: KubeApi, interval: float = PROGRESS_INTERVAL, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._api = api
        self._interval = interval
        self._clock = clock
        self._running: dict[str, tuple[float, str | None]] = {}  # by the pod's uid: when it was read, and the tail

    async def tails(self, pods: Iterable[Object]) -> dict[str, str]:
        """By pod name, of those that have something to tell."""
        telling = [pod for pod in pods if has_telling_log(pod)]
        tails = await asyncio.gather(*(self._tail(pod) for pod in telling))
        self._forget()
        return {pod["metadata"]["name"]: tail for pod, tail in zip(telling, tails, strict=True) if tail is not None}

    async def _tail(self, pod: Object) -> str | None:
        if not is_running(pod):
            return await self._read(pod)
        read_at, tail = self._running.get(uid_of(pod), (-self._interval, None))
        if self._clock() - read_at >= self._interval:
            tail = await self._read(pod)
            self._running[uid_of(pod)] = self._clock(), tail
        return tail

    def _forget(self) -> None:
        now = self._clock()
        self._running = {uid: seen for uid, seen in self._running.items() if now - seen[0] < self._interval}

    async def _read(self, pod: Object) -> str | None:
        meta = pod["metadata"]
        try:
            path = POD.path(meta["namespace"], meta["name"], "log")
            return await self._api.text(path, tailLines=TAIL_LINES, limitBytes=TAIL_BYTES)
        except ApiError as error:
            # The pod or its node has gone since, or its container is being replaced: there is no log to show.
            logger.info("no log of pod %s: %s", meta["name"], error)
            return None


def has_telling_log(pod: Object) -> bool:
    """Progress is in the log of a running pod, the reason in that of a failed one."""
    return is_running(pod) or any(map(_has_failed, _container_statuses(pod)))


def is_running(pod: Object) -> bool:
    return any("running" in status["state"] for status in _container_statuses(pod))


def _container_statuses(pod: Object) -> list[Mapping[str, Any]]:
    return list(pod.get("status", {}).get("containerStatuses", ()))


def _has_failed(status: Mapping[str, Any]) -> bool:
    return any(status.get(when, {}).get("terminated", {}).get("exitCode", 0) != 0 for when in ("state", "lastState"))
