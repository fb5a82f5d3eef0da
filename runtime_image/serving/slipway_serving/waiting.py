"""One request in the batcher, and how whoever asked hears of its outcome."""

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from slipway_serving.ticket import Ticket

Array = np.ndarray[Any, Any]
Arrays = dict[str, Array]
Outcome = Arrays | Exception
Signature = list[tuple[str, tuple[int, ...]]]


class Waiting:
    """Those with equal `signature` (types, and shapes behind the batch axis) may be joined.

    Either `answer` or `told` is there: how a coroutine, or a thread, hears that `outcome` is set.

    Attributes:
        rows: how many its inputs have; 1 where they have no such axis.
        size: bytes of its inputs.
        enqueued: instant of `time.monotonic`.
        leads: tells a waiting thread that the next run is its to make.
    """

    __slots__ = (
        "answer",
        "enqueued",
        "inputs",
        "leads",
        "outcome",
        "rows",
        "signature",
        "size",
        "ticket",
        "told",
    )

    def __init__(self, inputs: Arrays, ticket: Ticket | None, now: float) -> None:
        self.inputs = inputs
        self.ticket = ticket
        self.enqueued = now
        self.rows = 1
        self.size = 0
        self.signature: Signature = []
        for array in inputs.values():
            shape = array.shape
            if not self.signature and shape:
                self.rows = shape[0]
            self.size += array.nbytes
            self.signature.append((array.dtype.char, shape[1:]))
        self.answer: asyncio.Future[None] | None = None
        self.told: threading.Event | None = None
        self.leads = False
        self.outcome: Outcome | None = None

    @property
    def deadline(self) -> float | None:
        return None if self.ticket is None else self.ticket.deadline

    def outputs(self) -> Arrays:
        """The answer; raises what was found instead of it."""
        if isinstance(self.outcome, Exception):
            raise self.outcome
        if self.outcome is None:
            raise RuntimeError("asked for its outputs before it had any")
        return self.outcome


def tell(batch: Sequence[Waiting]) -> None:
    """Wake whoever waits for these; coroutines all at once on their loop."""
    answers = []
    for waiting in batch:
        if waiting.told is not None:
            waiting.told.set()
        elif waiting.answer is not None:
            answers.append(waiting.answer)
    if not answers:
        return
    loop = answers[0].get_loop()
    try:
        is_here = asyncio.get_running_loop() is loop
    except RuntimeError:
        is_here = False
    if is_here:
        _wake(answers)
    elif not loop.is_closed():
        loop.call_soon_threadsafe(_wake, answers)


def _wake(answers: Sequence[asyncio.Future[None]]) -> None:
    for answer in answers:
        if not answer.done():
            answer.set_result(None)
