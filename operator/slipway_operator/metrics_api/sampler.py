"""Keeps the load of every ModelDeployment that somebody asks for, by reading its pods again and again."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from slipway_operator.metrics_api.pods import Key, PodAddress
from slipway_operator.metrics_api.scrape import ScrapeError
from slipway_operator.metrics_api.telemetry import SCRAPES
from slipway_operator.metrics_api.window import Load, LoadWindow

logger = logging.getLogger(__name__)

INTERVAL = 2.0
WINDOW = 10.0
FORGET_AFTER = 120.0  # eight syncs of a default HPA
CONCURRENCY = 64

Read = Callable[[PodAddress], Awaitable[float]]
ReadyPods = Callable[[Key], tuple[PodAddress, ...]]


@dataclass
class _Subject:
    asked_at: float
    window: LoadWindow = field(default_factory=lambda: LoadWindow(WINDOW))


class Sampler:
    """Samples from the first question on, and stops two minutes after the last one."""

    def __init__(self, ready_pods: ReadyPods, read: Read, clock: Callable[[], float]) -> None:
        self._ready_pods = ready_pods
        self._read = read
        self._clock = clock
        self._subjects: dict[Key, _Subject] = {}
        self._slots = asyncio.Semaphore(CONCURRENCY)

    async def load(self, key: Key) -> Load | None:
        """The load now, or None when no ready pod says what it is."""
        now = self._clock()
        if not self._ready_pods(key):
            self._subjects.pop(key, None)
            return None
        subject = self._subjects.setdefault(key, _Subject(now))
        subject.asked_at = now
        if subject.window.load(now) is None:
            await self._sample(key, subject)
        return subject.window.load(self._clock())

    async def run(self) -> None:
        """Sample all the time; never returns."""
        while True:
            started = self._clock()
            await self.sample_all()
            await asyncio.sleep(max(0.0, INTERVAL - (self._clock() - started)))

    async def sample_all(self) -> None:
        now = self._clock()
        self._subjects = {key: it for key, it in self._subjects.items() if now - it.asked_at <= FORGET_AFTER}
        await asyncio.gather(*(self._sample(key, subject) for key, subject in self._subjects.items()))

    async def _sample(self, key: Key, subject: _Subject) -> None:
        pods = self._ready_pods(key)
        answers = await self._read_all(key, pods)
        subject.window.record(self._clock(), answers, {pod.uid for pod in pods})

    async def _read_all(self, key: Key, pods: Iterable[PodAddress]) -> dict[str, float]:
        async def read_one(pod: PodAddress) -> tuple[str, float | None]:
            async with self._slots:
                try:
                    count = await self._read(pod)
                except ScrapeError as error:
                    SCRAPES.labels("failed").inc()
                    logger.warning("A pod of %s/%s is left out: %s", *key, error)
                    return pod.uid, None
            SCRAPES.labels("answered").inc()
            return pod.uid, count

        answers = await asyncio.gather(*map(read_one, pods))
        return {uid: count for uid, count in answers if count is not None}
