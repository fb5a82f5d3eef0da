"""Dynamic batching: one worker thread runs the session; requests that wait meanwhile share its next run."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray[Any, Any]]
Run = Callable[[Arrays], Arrays]
Outcome = Arrays | Exception


@dataclass(slots=True, eq=False)
class Waiting:
    """One request. Those with equal `signature` (input shapes behind the batch axis) may be joined."""

    inputs: Arrays
    rows: int
    signature: tuple[tuple[int, ...], ...]
    answer: asyncio.Future[Arrays]
    since: float = field(default_factory=time.monotonic)


class Batcher:
    """Belongs to the event loop it is used on; only `run` happens on the worker thread, one call at a time.

    An idle server runs what is there at once. Behind a run, a batch that is smaller than the last one is held back,
    at most until its oldest request has waited `max_delay`: the callers just answered are likely to ask again.
    """

    def __init__(
        self, run: Run, *, max_size: int = 1, max_delay: float = 0.0, observe: Callable[[int], None] = lambda _: None
    ) -> None:
        self._run = run
        self._max_size = max_size
        self._max_delay = max_delay
        self._observe = observe
        self._queue: deque[Waiting] = deque()
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="session")
        self._running: list[Waiting] = []
        self._last_requests = 1
        self._due: asyncio.Handle | None = None

    @property
    def depth(self) -> int:
        """Requests that wait."""
        return len(self._queue)

    @property
    def running(self) -> int:
        """Requests in the current run."""
        return len(self._running)

    async def submit(self, inputs: Arrays) -> Arrays:
        """Outputs for these inputs, from a run of their own or a joined one.

        Raises:
            RequestError: the model refused or failed on just these inputs.
        """
        arrays = list(inputs.values())
        loop = asyncio.get_running_loop()
        waiting = Waiting(
            inputs=inputs,
            rows=arrays[0].shape[0] if arrays and arrays[0].ndim else 1,
            signature=tuple(array.shape[1:] for array in arrays),
            answer=loop.create_future(),
        )
        self._queue.append(waiting)
        if not self._running:
            self._consider(loop)
        return await waiting.answer

    def close(self) -> None:
        self._worker.shutdown(wait=False, cancel_futures=True)

    def _consider(self, loop: asyncio.AbstractEventLoop) -> None:
        # Not called at once: requests that arrived in the same turn of the loop are joined for free.
        if self._due is None:
            self._due = loop.call_soon(self._start, loop)
        elif isinstance(self._due, asyncio.TimerHandle) and self._is_worth_starting():
            self._due.cancel()
            self._due = loop.call_soon(self._start, loop)

    def _is_worth_starting(self) -> bool:
        return len(self._queue) >= self._last_requests or sum(waiting.rows for waiting in self._queue) >= self._max_size

    def _start(self, loop: asyncio.AbstractEventLoop) -> None:
        self._due = None
        self._running = take_batch(self._queue, self._max_size)
        self._last_requests = len(self._running)
        self._worker.submit(self._work, self._running, loop)

    def _work(self, batch: list[Waiting], loop: asyncio.AbstractEventLoop) -> None:
        outcomes = run_batch(self._run, batch, self._observe)
        loop.call_soon_threadsafe(self._finish, batch, outcomes, loop)

    def _finish(self, batch: list[Waiting], outcomes: Sequence[Outcome], loop: asyncio.AbstractEventLoop) -> None:
        self._running = []
        for waiting, outcome in zip(batch, outcomes, strict=True):
            if waiting.answer.done():
                continue
            if isinstance(outcome, Exception):
                waiting.answer.set_exception(outcome)
            else:
                waiting.answer.set_result(outcome)
        if not self._queue:
            return
        delay = self._queue[0].since + self._max_delay - time.monotonic()
        if delay <= 0 or self._is_worth_starting():
            self._due = loop.call_soon(self._start, loop)
        else:
            self._due = loop.call_later(delay, self._start, loop)


def take_batch(queue: deque[Waiting], max_size: int) -> list[Waiting]:
    """Remove the oldest request and those that may share its run, in their order; at most `max_size` rows.

    A request that alone has more rows than that runs alone.
    """
    first = queue.popleft()
    if max_size == 1:
        return [first]
    batch, left, rows = [first], [], first.rows
    for waiting in queue:
        if waiting.signature == first.signature and rows + waiting.rows <= max_size:
            batch.append(waiting)
            rows += waiting.rows
        else:
            left.append(waiting)
    queue.clear()
    queue.extend(left)
    return batch


def run_batch(run: Run, batch: Sequence[Waiting], observe: Callable[[int], None]) -> list[Outcome]:
    """An outcome for each request, in order. If a joined run fails, each gets a run of its own."""
    if len(batch) > 1:
        joined = _run_joined(run, batch)
        if joined is not None:
            observe(sum(waiting.rows for waiting in batch))
            return joined
    return [_run_one(run, waiting, observe) for waiting in batch]


def _run_joined(run: Run, batch: Sequence[Waiting]) -> list[Outcome] | None:
    names = batch[0].inputs
    try:
        outputs = run({name: np.concatenate([waiting.inputs[name] for waiting in batch]) for name in names})
    except Exception:  # whatever it is, the runs one by one will show whose it is
        return None
    rows = [waiting.rows for waiting in batch]
    if any(not output.ndim or output.shape[0] != sum(rows) for output in outputs.values()):
        return None
    ends = np.cumsum(rows)[:-1]
    parts = {name: np.split(output, ends) for name, output in outputs.items()}
    return [{name: parts[name][index] for name in parts} for index in range(len(batch))]


def _run_one(run: Run, waiting: Waiting, observe: Callable[[int], None]) -> Outcome:
    observe(waiting.rows)
    try:
        return run(waiting.inputs)
    except Exception as error:  # whatever it is, its caller must hear of it and the worker must live on
        return error
