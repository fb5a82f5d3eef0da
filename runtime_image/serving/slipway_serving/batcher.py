"""Dynamic batching: requests that wait while the model runs share the next run."""

import asyncio
import queue
import threading
import time
from collections import deque
from collections.abc import Sequence

from slipway_serving.batch import Observe, Run, run_batch, take_batch
from slipway_serving.deadlines import DeadlineTimer
from slipway_serving.errors import ClientGoneError, DeadlineExceededError
from slipway_serving.pace import Pace
from slipway_serving.ticket import Ticket
from slipway_serving.waiting import Arrays, Outcome, Waiting, tell

_DROPPED: dict[type[Exception], str] = {DeadlineExceededError: "deadline", ClientGoneError: "client_gone"}
# The event loop makes runs for so long before it looks for what else there is to do.
_TURN_SECONDS = 0.002


class Batcher:
    """Callers are coroutines of one event loop (`submit`) and threads (`submit_blocking`), in any mixture.

    While requests wait there is one leader who makes the next run: the event loop itself where runs are expected to
    take less than `inline_seconds`, so that a small model pays for no change of threads; a waiting thread; else the
    worker. The leadership passes on with the head of the queue. Runs of a queue follow one another; beside them, a
    thread makes a run that is expected to be so short on its own, at once, and so does the event loop where nothing
    may be joined and nobody leads. `run` must bear that.

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
        self._max_delay = max_delay
        self._inline_seconds = inline_seconds
        self._observe = observe
        self._queue: deque[Waiting] = deque()
        self._lock = threading.Lock()
        self._company = threading.Condition(self._lock)
        self._is_holding = False
        self._has_leader = False
        self._is_led_by_thread = False
        self._running: Sequence[Waiting] = ()
        self._running_since: float | None = None
        self._running_here: dict[Waiting, float] = {}
        self._last_requests = 1
        self._is_closing = False
        self.dropped = {"deadline": 0, "client_gone": 0, "shutdown": 0}
        self._handed: queue.SimpleQueue[list[Waiting] | None] = queue.SimpleQueue()
        self._worker: threading.Thread | None = None
        self._deadlines = DeadlineTimer(self._give_up_late)

    @property
    def depth(self) -> int:
        """Requests that wait."""
        return len(self._queue)

    @property
    def bytes_waiting(self) -> int:
        """Bytes of the inputs of those that wait."""
        with self._lock:
            return sum(waiting.size for waiting in self._queue)

    @property
    def running(self) -> int:
        """Requests in a run."""
        return len(self._running) + len(self._running_here)

    @property
    def running_since(self) -> float | None:
        """When the run began, of `time.monotonic`, that has been going for the longest."""
        since = list(self._running_here.values())
        if self._running_since is not None:
            since.append(self._running_since)
        return min(since, default=None)

    async def submit(self, inputs: Arrays, ticket: Ticket | None = None) -> Arrays:
        """Outputs for these inputs, from a run of its own or a joined one.

        Raises:
            RequestError: the model refused or failed on just these inputs, or the ticket's time or client is over.
        """
        waiting = Waiting(inputs, ticket, time.monotonic())
        if self._max_size == 1 and not self._has_leader and self._is_quick(waiting.size):
            return self._run_here(waiting)
        loop = asyncio.get_running_loop()
        waiting.answer = loop.create_future()
        if ticket is not None:
            ticket.on_abandon(self._abandon)
        with self._lock:
            if self._enqueue(waiting):
                # Not called at once: requests that arrived in the same turn of the loop are joined for free.
                loop.call_soon(self._lead_on_loop, loop)
            is_led_by_thread = self._is_led_by_thread
        if is_led_by_thread:
            self._deadlines.watch(waiting.deadline, loop)
        try:
            await waiting.answer
        except asyncio.CancelledError:
            self._give_up(waiting, ClientGoneError("the request was cancelled"))
            raise
        return waiting.outputs()

    def submit_blocking(self, inputs: Arrays, ticket: Ticket | None = None) -> Arrays:
        """`submit` for a thread. Where nobody runs anything, the run is made on the caller's own thread."""
        waiting = Waiting(inputs, ticket, time.monotonic())
        if self._is_quick(waiting.size):
            return self._run_here(waiting)
        waiting.told = threading.Event()
        if ticket is not None:
            ticket.on_abandon(self._abandon)
        with self._lock:
            waiting.leads = self._enqueue(waiting)
            self._is_led_by_thread |= waiting.leads
        while waiting.outcome is None or waiting.leads:
            if waiting.leads:
                waiting.leads = False
                self._lead_on_thread()
            elif not waiting.told.wait(_seconds_until(waiting.deadline)):
                self._give_up(waiting, _too_late())
        return waiting.outputs()

    def _run_here(self, waiting: Waiting) -> Arrays:
        """At once, beside whatever else runs: for a small model, to change threads takes longer than the run."""
        with self._lock:
            is_over = self._is_over(waiting, time.monotonic())
        if not is_over:
            self._running_here[waiting] = time.monotonic()
            try:
                self._execute([waiting])
            finally:
                del self._running_here[waiting]
        return waiting.outputs()

    def close(self) -> None:
        """Takes nothing more; what waits is still answered."""
        with self._lock:
            self._is_closing = True
            is_idle = not self._has_leader
        if is_idle:
            self._handed.put(None)

    def give_up_all(self, error: Exception) -> None:
        """Answer all that wait or run with this error."""
        for waiting in self._unanswered():
            self._give_up(waiting, error)

    # The queue.

    def _enqueue(self, waiting: Waiting) -> bool:
        """Whether the caller has to lead. Called with the lock."""
        self._queue.append(waiting)
        if self._is_holding:
            self._company.notify()
        has_to_lead = not self._has_leader
        self._has_leader = True
        return has_to_lead

    def _take(self) -> list[Waiting]:
        """The next batch without those for whom it is too late; nothing, and no leader, where none is left."""
        with self._lock:
            now = time.monotonic()
            while self._queue:
                batch = take_batch(self._queue, self._max_size)
                alive = [waiting for waiting in batch if not self._is_over(waiting, now)]
                if alive:
                    self._running = alive
                    self._running_since = now
                    self._last_requests = len(alive)
                    return alive
            self._lay_down()
            return []

    def _is_over(self, waiting: Waiting, now: float) -> bool:
        if waiting.outcome is not None:
            return True
        ticket = waiting.ticket
        if ticket is None:
            return False
        if ticket.is_abandoned:
            self._drop(waiting, _gone())
        elif ticket.deadline is not None and ticket.deadline <= now:
            self._drop(waiting, _too_late())
        else:
            return False
        tell([waiting])
        return True

    def _drop(self, waiting: Waiting, error: Exception) -> None:
        waiting.outcome = error
        self.dropped[_DROPPED.get(type(error), "shutdown")] += 1

    def _give_up(self, waiting: Waiting, error: Exception) -> None:
        """Answer without an answer. If it is in a run already, that run's result for it is thrown away."""
        with self._lock:
            if waiting.outcome is not None:
                return
            self._drop(waiting, error)
            if waiting in self._queue:
                self._queue.remove(waiting)
            if self._is_holding:
                self._company.notify()
        tell([waiting])

    def _unanswered(self) -> list[Waiting]:
        with self._lock:
            return [waiting for waiting in (*self._running, *self._queue) if waiting.outcome is None]

    def _abandon(self, ticket: Ticket) -> None:
        for waiting in self._unanswered():
            if waiting.ticket is ticket:
                self._give_up(waiting, _gone())

    def _give_up_late(self, now: float) -> float | None:
        """Answer those for whom it is too late; the earliest deadline of the others."""
        earliest = None
        for waiting in self._unanswered():
            deadline = waiting.deadline
            if deadline is None or waiting.answer is None:
                continue
            if deadline <= now:
                self._give_up(waiting, _too_late())
            elif earliest is None or deadline < earliest:
                earliest = deadline
        return earliest

    # The leader.

    def _lead_on_loop(self, loop: asyncio.AbstractEventLoop) -> None:
        """All that is there, since answers that are sent in one turn of the loop cost less than as many turns."""
        end = time.monotonic() + _TURN_SECONDS
        while batch := self._take():
            if not self._is_quick(sum([waiting.size for waiting in batch])):
                with self._lock:
                    self._is_led_by_thread = True
                self._hand_to_worker(batch)
                break
            self._execute(batch)
            if time.monotonic() >= end:
                self._pass_on()
                break
        if self._is_led_by_thread:
            self._deadlines.watch(self._give_up_late(time.monotonic()), loop)

    def _lead_on_thread(self) -> None:
        batch = self._take()
        if batch:
            self._execute(batch)
            self._pass_on()

    def _work(self) -> None:
        while (batch := self._handed.get()) is not None:
            if not batch:
                self._await_company()
                batch = self._take()
            if batch:
                self._execute(batch)
                self._pass_on()

    def _hand_to_worker(self, batch: list[Waiting]) -> None:
        if self._worker is None:
            self._worker = threading.Thread(target=self._work, name="session", daemon=True)
            self._worker.start()
        self._handed.put(batch)

    def _pass_on(self) -> None:
        """Make the head of the queue see to the next run."""
        with self._lock:
            if not self._queue:
                self._lay_down()
                return
            head = self._queue[0]
            goes_to_loop = head.answer is not None and self._is_quick(head.size)
            self._is_led_by_thread = not goes_to_loop
            if head.told is not None:
                head.leads = True
                head.told.set()
                return
        if goes_to_loop and head.answer is not None:
            loop = head.answer.get_loop()
            loop.call_soon_threadsafe(self._lead_on_loop, loop)
        else:
            self._hand_to_worker([])

    def _lay_down(self) -> None:
        self._has_leader = self._is_led_by_thread = False
        if self._is_closing:
            self._handed.put(None)

    def _is_quick(self, size: int) -> bool:
        return self._inline_seconds > 0 and self.pace.expect(size) < self._inline_seconds

    def _await_company(self) -> None:
        with self._company:
            self._is_holding = True
            while self._queue and not self._is_worth_starting():
                left = self._queue[0].enqueued + self._max_delay - time.monotonic()
                if left <= 0:
                    break
                self._company.wait(left)
            self._is_holding = False

    def _is_worth_starting(self) -> bool:
        waiting = len(self._queue)
        return waiting == 1 or waiting >= self._last_requests or sum(one.rows for one in self._queue) >= self._max_size

    def _execute(self, batch: list[Waiting]) -> None:
        started, worked = time.monotonic(), time.thread_time()
        outcomes = run_batch(self._run, batch, self._observe)
        # The thread's own time: on the wall's clock, a busy event loop would make a small model look slow.
        self.pace.record(sum([waiting.size for waiting in batch]), time.thread_time() - worked)
        ended = time.monotonic()
        self.pace.record_service(len(batch), ended - started)
        self._settle(batch, outcomes, started, ended)

    def _settle(self, batch: list[Waiting], outcomes: Sequence[Outcome], started: float, ended: float) -> None:
        with self._lock:
            if self._running is batch:
                self._running, self._running_since = (), None
            for waiting, outcome in zip(batch, outcomes, strict=True):
                if waiting.ticket is not None:
                    waiting.ticket.was_run(waiting.rows, (waiting.enqueued, started, ended))
                if waiting.outcome is None:
                    waiting.outcome = outcome
        tell(batch)


def _seconds_until(deadline: float | None) -> float | None:
    return None if deadline is None else max(0.0, deadline - time.monotonic())


def _gone() -> ClientGoneError:
    return ClientGoneError("the client is gone")


def _too_late() -> DeadlineExceededError:
    return DeadlineExceededError("the time for this request was over before its answer was there")
