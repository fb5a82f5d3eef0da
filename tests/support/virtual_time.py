"""An event loop in which waiting takes no time: when nothing is ready, its clock jumps to the next timer."""

import asyncio
import selectors
from collections.abc import Sequence


class _Idle(selectors.DefaultSelector):
    """Waits for nothing but what is there; the time that it would have waited has passed all the same."""

    def __init__(self) -> None:
        super().__init__()
        self.passed = 0.0

    def select(self, timeout: float | None = None) -> Sequence[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0 if timeout is not None else None)
        if not ready and timeout:
            self.passed += timeout
        return list(ready)


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """For tests of timers: no machine is too slow for them. Nothing in it may wait for another thread or process."""

    def __init__(self) -> None:
        self._idle = _Idle()
        super().__init__(self._idle)

    def time(self) -> float:
        return self._idle.passed
