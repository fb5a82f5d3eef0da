"""Waiting for a condition, never for a time."""

import asyncio
import time
from collections.abc import Callable

_PAUSE_SECONDS = 0.01


def wait_until(condition: Callable[[], bool], *, seconds: float = 300.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the condition did not come true in time"
        time.sleep(_PAUSE_SECONDS)


async def eventually(condition: Callable[[], bool], *, seconds: float = 300.0) -> None:
    """`wait_until` for a condition that the event loop itself brings about."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 (the condition is anyone's, so there is no event to wait for)
            await asyncio.sleep(0)
