"""The one queue of keys: each key once, one worker a key at a time, back-off on errors.

The semantics are those of client-go's rate-limited workqueue; no maintained asyncio library has them.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from slipway_operator.json_logs import about

logger = logging.getLogger(__name__)


class Key(NamedTuple):
    namespace: str
    name: str


# Does one pass; answers after how many seconds the key is due again by itself, or None.
Process = Callable[[Key], Awaitable[float | None]]


class WorkQueue:
    """Keys that are due, that wait for their time, and that are in work."""

    def __init__(
        self,
        *,
        backoff_base: float = 0.5,
        backoff_limit: float = 120.0,
        min_interval: float = 0.3,
        jitter: Callable[[], float] = random.random,
        expected_errors: tuple[type[Exception], ...] = (),
    ) -> None:
        """Take times in seconds; `min_interval` lies between two passes of one key, so that a burst is one pass.

        Errors of the types `expected_errors` are logged without their traceback.
        """
        self._backoff_base = backoff_base
        self._backoff_limit = backoff_limit
        self._min_interval = min_interval
        self._jitter = jitter
        self._expected_errors = expected_errors
        self._due: asyncio.Queue[Key] = asyncio.Queue()
        self._dirty: set[Key] = set()
        self._in_work: set[Key] = set()
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._failures: dict[Key, int] = {}

    def __len__(self) -> int:
        return len(self._dirty)

    def add(self, key: Key) -> None:
        """Make `key` due now. While it is in work, it is due again once that has ended."""
        if key in self._dirty:
            return
        self._dirty.add(key)
        if key not in self._in_work:
            self._due.put_nowait(key)

    def add_after(self, key: Key, delay: float) -> None:
        """Make `key` due in `delay` seconds, unless it is due earlier already."""
        loop = asyncio.get_running_loop()
        timer = self._timers.get(key)
        if timer is not None:
            if timer.when() <= loop.time() + delay:
                return
            timer.cancel()
        self._timers[key] = loop.call_later(delay, self._ripen, key)

    async def work(self, process: Process) -> None:
        """Be one worker, until cancelled."""
        while True:
            key = await self._due.get()
            self._dirty.discard(key)
            self._in_work.add(key)
            try:
                await self._pass(key, process)
            finally:
                self._end(key)

    def close(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    async def _pass(self, key: Key, process: Process) -> None:
        try:
            delay = await process(key)
        except Exception as error:  # whatever a pass meets, the other keys go on
            failures = self._failures.get(key, 0)
            self._failures[key] = failures + 1
            delay = self._backoff(failures)
            trace = None if isinstance(error, self._expected_errors) else error
            with about(*key):
                logger.warning("pass failed, the next one is in %.1f s: %s", delay, error, exc_info=trace)
        else:
            self._failures.pop(key, None)
        if delay is not None:
            self.add_after(key, delay)

    def _backoff(self, failures: int) -> float:
        ceiling = min(self._backoff_limit, self._backoff_base * 2.0 ** min(failures, 30))
        return ceiling * (0.5 + 0.5 * self._jitter())

    def _ripen(self, key: Key) -> None:
        self._timers.pop(key, None)
        self.add(key)

    def _end(self, key: Key) -> None:
        self._in_work.discard(key)
        if key in self._dirty:
            self._dirty.discard(key)
            self.add_after(key, self._min_interval)
