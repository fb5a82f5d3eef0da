"""Dynamic batching: requests that wait while the model runs share the next run."""

import asyncio
import queue
import threading
import time

from slipway_serving.batch import Observe, Run, run_batch
from slipway_serving.deadlines import DeadlineTimer
from slipway_serving.errors import ClientGoneError
from slipway_serving.line import Line, too_late
from slipway_serving.pace import Pace
from slipway_serving.ticket import Ticket
from slipway_serving.waiting import Arrays, Waiting

# The event loop makes runs for so long before it looks for what else there is to do.
_TURN_SECONDS = 0.002


class Batcher:
    """Callers are coroutines of one event loop (`submit`) and threads (`submit_blocking`), in any mixture.

    While requests wait there is one leader who makes the next run: the event loop itself where runs are expected to
    take less than `inline_seconds`, so that a small model pays for no change of threads; a waiting thread; else the
    worker. The leadership passes on with the head of the line. Runs for a line follow one another; beside them, a
    thread makes a run that is expected to be so short on its own, at once, and so does the event loop where nothing
    may be joined and nobody leads. `run` has to bear that.

    An idle server runs what is there at once. Behind a run the worker holds two or more requests back that are fewer
    than those of the last run, until the oldest has waited `max_delay`: the callers just answered may ask again.
    """

    def __init__(
        self,
        run: Run,
        *,
        max_size: int = 1,
        max_delay: float = 0.0,
        inline_seconds: float = 0.0,
        observe: Observe = lambda rows, seconds: None,
    ) -> None:
        self.pace = Pace()
        self._run = run
        self._max_size = max_size
        self._inline_seconds = inline_seconds
        self._observe = observe
        self._handed: queue.SimpleQueue[list[Waiting] | None] = queue.SimpleQueue()
        self._worker: threading.Thread | None = None
        self._line = Line(max_size=max_size, max_delay=max_delay, on_end=lambda: self._handed.put(None))
        self._deadlines = DeadlineTimer(self._line.give_up_late)
        self._beside: dict[Waiting, float] = {}

    @property
    def depth(self) -> int:
        """Requests that wait."""
        return self._line.depth

    @property
    def bytes_waiting(self) -> int:
        """Bytes of the inputs of those that wait."""
        return self._line.bytes_waiting

    @property
    def running(self) -> int:
        """Requests in a run."""
        return len(self._line.running) + len(self._beside)

    @property
    def running_since(self) -> float | None:
        """When the run began, of `time.monotonic`, that has been going for the longest."""
        since = list(self._beside.values())
        if self._line.running_since is not None:
            since.append(self._line.running_since)
        return min(since, default=None)

    @property
    def dropped(self) -> dict[str, int]:
        """Requests that were answered without a run, by reason."""
        return self._line.dropped

    async def submit(self, inputs: Arrays, ticket: Ticket | None = None) -> Arrays:
        """Outputs for these inputs, from a run of its own or a joined one.

        Raises:
            RequestError: the model refused or failed on just these inputs, or the ticket's time or client is over.
        """
        waiting = Waiting(inputs, ticket, time.monotonic())
        if self._max_size == 1 and not self._line.has_leader and self._is_quick(waiting.size):
            return self._run_beside(waiting)
        loop = asyncio.get_running_loop()
        waiting.answer = loop.create_future()
        if ticket is not None:
            ticket.on_abandon(self._line.abandon)
        if self._line.join(waiting):
            # Not called at once: requests that arrived in the same turn of the loop are joined for free.
            loop.call_soon(self._lead_on_loop, loop)
        elif self._line.is_led_by_thread:
            self._deadlines.watch(waiting.deadline, loop)
        try:
            await waiting.answer
        except asyncio.CancelledError:
            self._line.give_up(waiting, ClientGoneError("the request was cancelled"))
            raise
        return waiting.outputs()

    def submit_blocking(self, inputs: Arrays, ticket: Ticket | None = None) -> Arrays:
        """`submit` for a thread. Where nobody runs anything, the run is made on the caller's own thread."""
        waiting = Waiting(inputs, ticket, time.monotonic())
        if self._is_quick(waiting.size):
            return self._run_beside(waiting)
        waiting.told = threading.Event()
        if ticket is not None:
            ticket.on_abandon(self._line.abandon)
        self._line.join(waiting)
        while waiting.outcome is None or waiting.leads:
            if waiting.leads:
                waiting.leads = False
                self._lead_on_thread()
            elif not waiting.told.wait(_seconds_until(waiting.deadline)):
                self._line.give_up(waiting, too_late())
        return waiting.outputs()

    def close(self) -> None:
        """Takes nothing more; what waits is still answered."""
        self._line.close()

    def give_up_all(self, error: Exception) -> None:
        """Answer all that wait, or run and have waited, with this error."""
        self._line.give_up_all(error)

    def _is_quick(self, size: int) -> bool:
        return self._inline_seconds > 0 and self.pace.expect(size) < self._inline_seconds

    def _run_beside(self, waiting: Waiting) -> Arrays:
        """At once, beside whatever else runs: for a small model, to change threads takes longer than the run."""
        if not self._line.is_over(waiting):
            self._beside[waiting] = time.monotonic()
            try:
                self._execute([waiting])
            finally:
                del self._beside[waiting]
        return waiting.outputs()

    def _lead_on_loop(self, loop: asyncio.AbstractEventLoop) -> None:
        """All that is there, since answers that are sent in one turn of the loop cost less than as many turns."""
        end = time.monotonic() + _TURN_SECONDS
        while batch := self._line.take():
            if not self._is_quick(sum([waiting.size for waiting in batch])):
                self._line.hand_to_thread()
                self._hand_to_worker(batch)
                break
            self._execute(batch)
            if time.monotonic() >= end:
                self._pass_on()
                break
        if self._line.is_led_by_thread:
            self._deadlines.watch(self._line.give_up_late(time.monotonic()), loop)

    def _lead_on_thread(self) -> None:
        batch = self._line.take()
        if batch:
            self._execute(batch)
            self._pass_on()

    def _work(self) -> None:
        while (batch := self._handed.get()) is not None:
            if not batch:
                self._line.await_company()
                batch = self._line.take()
            if batch:
                self._execute(batch)
                self._pass_on()

    def _hand_to_worker(self, batch: list[Waiting]) -> None:
        if self._worker is None:
            self._worker = threading.Thread(target=self._work, name="session", daemon=True)
            self._worker.start()
        self._handed.put(batch)

    def _pass_on(self) -> None:
        """Make the head of the line see to the next run."""
        head = self._line.pass_on(lambda head: self._is_quick(head.size))
        if head is None or head.answer is None:
            return
        if self._line.is_led_by_thread:
            self._hand_to_worker([])
        else:
            loop = head.answer.get_loop()
            loop.call_soon_threadsafe(self._lead_on_loop, loop)

    def _execute(self, batch: list[Waiting]) -> None:
        started, worked = time.monotonic(), time.thread_time()
        outcomes = run_batch(self._run, batch, self._observe)
        # The thread's own time: on the wall's clock, a busy event loop would make a small model look slow.
        self.pace.record(sum([waiting.size for waiting in batch]), time.thread_time() - worked)
        ended = time.monotonic()
        self.pace.record_service(len(batch), ended - started)
        self._line.settle(batch, outcomes, started, ended)


def _seconds_until(deadline: float | None) -> float | None:
    return None if deadline is None else max(0.0, deadline - time.monotonic())
