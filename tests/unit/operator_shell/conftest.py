"""Timers of the shell run in virtual time: a test of them takes no time, and no machine is too busy for it."""

from collections.abc import Callable, Mapping

from support.virtual_time import VirtualTimeLoop


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], VirtualTimeLoop]]:
    return {"virtual": VirtualTimeLoop}
