"""One batch: which waiting requests may share a run, how they are joined, and whose answer is whose."""

import time
from collections import deque
from collections.abc import Callable, Sequence

import numpy as np

from slipway_serving.waiting import Arrays, Outcome, Waiting

Run = Callable[[Arrays], Arrays]
Observe = Callable[[int, float], None]
"""Told of every run: its rows, and its seconds."""


def take_batch(queue: deque[Waiting], max_size: int) -> list[Waiting]:
    """Remove the oldest request and those that may share its run, in their order; at most `max_size` rows.

    The oldest always goes, whatever its shape, so that none waits for ever behind a stream of others. A request that
    alone has more rows than that runs alone.
    """
    first = queue.popleft()
    if max_size == 1 or not queue:
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


def run_batch(run: Run, batch: Sequence[Waiting], observe: Observe) -> list[Outcome]:
    """An outcome for each request, in order. A joined run that fails is halved until it is known whose fault it is."""
    if len(batch) == 1:
        return [_run_one(run, batch[0], observe)]
    joined = _run_joined(run, batch, observe)
    if joined is not None:
        return joined
    middle = len(batch) // 2
    return run_batch(run, batch[:middle], observe) + run_batch(run, batch[middle:], observe)


def _run_joined(run: Run, batch: Sequence[Waiting], observe: Observe) -> list[Outcome] | None:
    rows = sum(waiting.rows for waiting in batch)
    started = time.perf_counter()
    try:
        inputs = {name: np.concatenate([waiting.inputs[name] for waiting in batch]) for name in batch[0].inputs}
        outputs = run(inputs)
    except Exception:  # whatever it is, smaller runs will show whose it is
        return None
    if any(not output.ndim or output.shape[0] != rows for output in outputs.values()):
        return None
    observe(rows, time.perf_counter() - started)
    outcomes: list[Outcome] = []
    end = 0
    for waiting in batch:
        start, end = end, end + waiting.rows
        outcomes.append({name: output[start:end] for name, output in outputs.items()})
    return outcomes


def _run_one(run: Run, waiting: Waiting, observe: Observe) -> Outcome:
    started = time.perf_counter()
    try:
        return run(waiting.inputs)
    except Exception as error:  # whatever it is, its caller must hear of it and the others must live on
        return error
    finally:
        observe(waiting.rows, time.perf_counter() - started)
