"""One request on its way: what it may cost, how long it may take, and when it was where."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from slipway_serving.admission import Admission


class Ticket:
    """A request from acceptance to answer, as a context manager. Every front end takes one for each request.

    Instants are of `time.monotonic`, and 0 where the request did not come so far.

    Attributes:
        protocol: `http` or `grpc`.
        route: which of the front end's ways of asking it was, as metrics name it.
        code: what the request was answered with: an HTTP status or the name of a gRPC one. The front end sets it.
        request_id: what the client calls the request, for the access log.
        deadline: when its answer is no longer worth computing; None for never.
        is_abandoned: nobody waits for the answer.
        rows: how many its inputs have.
    """

    __slots__ = (
        "_admission",
        "_announced",
        "_done",
        "_has_arrived",
        "_size",
        "_withdraw",
        "accepted",
        "arrived",
        "code",
        "deadline",
        "ended",
        "enqueued",
        "is_abandoned",
        "protocol",
        "request_id",
        "route",
        "rows",
        "started",
    )

    def __init__(
        self,
        admission: Admission,
        announced_bytes: int,
        done: Callable[["Ticket"], None],
        *,
        protocol: str = "http",
        route: str = "infer",
    ) -> None:
        self._admission = admission
        self._announced = announced_bytes
        self._done = done
        self._size = 0
        self._has_arrived = False
        self._withdraw: Callable[[Ticket], None] | None = None
        self.accepted = time.monotonic()
        self.arrived = self.enqueued = self.started = self.ended = 0.0
        self.protocol = protocol
        self.route = route
        self.code: int | str = 0
        self.request_id: str | None = None
        self.deadline: float | None = None
        self.is_abandoned = False
        self.rows = 0

    def __enter__(self) -> Self:
        self._admission.enter(self._announced)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._admission.leave(self._size, has_arrived=self._has_arrived)
        self._done(self)

    @property
    def size(self) -> int:
        """Bytes of the body that have arrived."""
        return self._size

    def hold(self, size: int) -> None:
        """Count bytes of the body as they arrive, before they are kept.

        Raises:
            OverloadedError: memory for them is not there.
        """
        self._admission.hold(size)
        self._size += size

    def arrive(self) -> None:
        """The whole body is there; only now does the request take a place in the queue.

        Raises:
            OverloadedError: no place is left.
        """
        self._admission.arrive()
        self._has_arrived = True
        self.arrived = time.monotonic()

    def limit_to(self, seconds: float) -> None:
        """The client waits this long from its arrival at most; it never prolongs what was agreed before."""
        deadline = self.accepted + seconds
        self.deadline = deadline if self.deadline is None else min(self.deadline, deadline)

    def was_run(self, rows: int, instants: tuple[float, float, float]) -> None:
        """When its inputs began to wait, and its run began and ended."""
        self.rows = rows
        self.enqueued, self.started, self.ended = instants

    def abandon(self) -> None:
        """The client is gone. From any thread: if the request waits, it leaves the queue and costs no compute."""
        self.is_abandoned = True
        withdraw = self._withdraw
        if withdraw is not None:
            withdraw(self)

    def on_abandon(self, withdraw: Callable[["Ticket"], None]) -> None:
        """What `abandon` is to call from now on."""
        self._withdraw = withdraw
