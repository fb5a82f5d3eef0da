"""Those who wait for the model, those in its run, and whether somebody sees to the next one."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from slipway_serving.batch import take_batch
from slipway_serving.errors import ClientGoneError, DeadlineExceededError
from slipway_serving.ticket import Ticket
from slipway_serving.waiting import Outcome, Waiting, tell

_DROPPED: dict[type[Exception], str] = {DeadlineExceededError: "deadline", ClientGoneError: "client_gone"}


class Line:
    """Safe to use from any thread. While anybody waits there is one leader, who alone takes and passes on.

    Attributes:
        running: the batch that was taken last, until it is settled.
        running_since: when it was taken, of `time.monotonic`.
        has_leader: somebody sees to the next run.
        is_led_by_thread: and that is not the event loop.
        dropped: how many were answered without a run, by reason.
    """

    def __init__(self, *, max_size: int, max_delay: float, on_end: Callable[[], None]) -> None:
        self.running: Sequence[Waiting] = ()
        self.running_since: float | None = None
        self.has_leader = False
        self.is_led_by_thread = False
        self.dropped = {"deadline": 0, "client_gone": 0, "shutdown": 0}
        self._max_size = max_size
        self._max_delay = max_delay
        self._on_end = on_end
        self._queue: deque[Waiting] = deque()
        self._lock = threading.Lock()
        self._company = threading.Condition(self._lock)
        self._is_holding = False
        self._is_closing = False
        self._last_requests = 1

    @property
    def depth(self) -> int:
        return len(self._queue)

    @property
    def bytes_waiting(self) -> int:
        with self._lock:
            return sum(waiting.size for waiting in self._queue)

    def join(self, waiting: Waiting) -> bool:
        """Whether whoever joined has to lead."""
        with self._lock:
            self._queue.append(waiting)
            if self._is_holding:
                self._company.notify()
            waiting.leads = not self.has_leader
            if waiting.leads:
                self.has_leader = True
                self.is_led_by_thread = waiting.told is not None
            return waiting.leads

    def take(self) -> list[Waiting]:
        """The next batch without those for whom it is too late; nothing, and no leader, where none is left."""
        with self._lock:
            now = time.monotonic()
            while self._queue:
                batch = take_batch(self._queue, self._max_size)
                alive = [waiting for waiting in batch if not self._is_over(waiting, now)]
                if alive:
                    self.running = alive
                    self.running_since = now
                    self._last_requests = len(alive)
                    return alive
            self._lay_down()
            return []

    def hand_to_thread(self) -> None:
        with self._lock:
            self.is_led_by_thread = True

    def pass_on(self, is_for_loop: Callable[[Waiting], bool]) -> Waiting | None:
        """Who leads now: the head of the queue, on its own thread if it waits on one; None where nobody waits."""
        with self._lock:
            if not self._queue:
                self._lay_down()
                return None
            head = self._queue[0]
            self.is_led_by_thread = head.told is not None or not is_for_loop(head)
            if head.told is not None:
                head.leads = True
                head.told.set()
            return head

    def await_company(self) -> None:
        """Until the next run is worth starting, or the oldest has waited `max_delay`."""
        with self._company:
            self._is_holding = True
            while self._queue and not self._is_worth_starting():
                left = self._queue[0].enqueued + self._max_delay - time.monotonic()
                if left <= 0:
                    break
                self._company.wait(left)
            self._is_holding = False

    def is_over(self, waiting: Waiting) -> bool:
        """It needs no run any more; if it had no answer, it has one now."""
        with self._lock:
            return self._is_over(waiting, time.monotonic())

    def settle(self, batch: list[Waiting], outcomes: Sequence[Outcome], started: float, ended: float) -> None:
        """Everyone in a run that is over gets an answer."""
        with self._lock:
            if self.running is batch:
                self.running, self.running_since = (), None
            for waiting, outcome in zip(batch, outcomes, strict=True):
                if waiting.ticket is not None:
                    waiting.ticket.was_run(waiting.rows, (waiting.enqueued, started, ended))
                if waiting.outcome is None:
                    waiting.outcome = outcome
        tell(batch)

    def give_up(self, waiting: Waiting, error: Exception) -> None:
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

    def give_up_all(self, error: Exception) -> None:
        for waiting in self._unanswered():
            self.give_up(waiting, error)

    def abandon(self, ticket: Ticket) -> None:
        for waiting in self._unanswered():
            if waiting.ticket is ticket:
                self.give_up(waiting, gone())

    def give_up_late(self, now: float) -> float | None:
        """Answer the coroutines for whom it is too late; the earliest deadline of the others. Threads see to theirs."""
        earliest = None
        for waiting in self._unanswered():
            deadline = waiting.deadline
            if deadline is None or waiting.answer is None:
                continue
            if deadline <= now:
                self.give_up(waiting, too_late())
            elif earliest is None or deadline < earliest:
                earliest = deadline
        return earliest

    def close(self) -> None:
        """`on_end` is called as soon as nobody waits."""
        with self._lock:
            self._is_closing = True
            if not self.has_leader:
                self._on_end()

    def _lay_down(self) -> None:
        self.has_leader = self.is_led_by_thread = False
        if self._is_closing:
            self._on_end()

    def _unanswered(self) -> list[Waiting]:
        with self._lock:
            return [waiting for waiting in (*self.running, *self._queue) if waiting.outcome is None]

    def _is_over(self, waiting: Waiting, now: float) -> bool:
        if waiting.outcome is not None:
            return True
        ticket = waiting.ticket
        if ticket is None:
            return False
        if ticket.is_abandoned:
            self._drop(waiting, gone())
        elif ticket.deadline is not None and ticket.deadline <= now:
            self._drop(waiting, too_late())
        else:
            return False
        tell([waiting])
        return True

    def _drop(self, waiting: Waiting, error: Exception) -> None:
        waiting.outcome = error
        self.dropped[_DROPPED.get(type(error), "shutdown")] += 1

    def _is_worth_starting(self) -> bool:
        waiting = len(self._queue)
        return waiting == 1 or waiting >= self._last_requests or sum(one.rows for one in self._queue) >= self._max_size


def gone() -> ClientGoneError:
    return ClientGoneError("the client is gone")


def too_late() -> DeadlineExceededError:
    return DeadlineExceededError("the time for this request was over before its answer was there")
