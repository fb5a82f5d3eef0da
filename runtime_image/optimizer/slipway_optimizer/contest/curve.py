"""How long a call takes by its number of rows, and what follows from it for serving."""

import time
from collections.abc import Callable
from typing import Final

import numpy as np

from slipway_contract.manifest import BatchPoint, Serving

BATCH_SIZES: Final = (1, 2, 4, 8, 16, 32, 64)
SECONDS_A_SIZE: Final = 0.15
SECONDS: Final = 5.0
FEWEST_CALLS: Final = 3
MOST_CALLS: Final = 200
# Twice the rows that bring less than this are not worth the next doubling.
GROWTH_THAT_COUNTS: Final = 1.05
# Below this, what batching brings is lost again while requests wait for each other.
GAIN_THAT_PAYS: Final = 1.2
# The smallest batch that gets this share of the best throughput makes requests wait the least.
NEARLY_BEST: Final = 0.95
# How long the requests in one replica may take to be worked off before another replica is the better answer.
QUEUE_SECONDS: Final = 0.02
# What a request costs the server beside the model: HTTP, decoding, encoding.
OVERHEAD_SECONDS: Final = 0.0005
MOST_IN_FLIGHT: Final = 64

CallOf = Callable[[int], Callable[[], object]]


def measure_curve(call_of: CallOf, most_rows: int, max_latency_us: float | None = None) -> list[BatchPoint]:
    """Time calls of 1, 2, 4, ... rows, until more rows bring nothing more, cost too much, or do not fit.

    Args:
        call_of: for a number of rows, a call with that many.
        most_rows: where to end at the latest.
        max_latency_us: what a call may take.
    """
    curve: list[BatchPoint] = []
    end = time.perf_counter() + SECONDS
    for rows in (size for size in BATCH_SIZES if size <= most_rows):
        point = _point(call_of, rows)
        if point is None:
            break
        curve.append(point)
        too_slow = max_latency_us is not None and point.p50_us > max_latency_us
        if too_slow or has_flattened(curve) or time.perf_counter() > end:
            break
    return curve


def has_flattened(curve: list[BatchPoint]) -> bool:
    """Whether the last two doublings brought nothing."""
    if len(curve) < 3:  # noqa: PLR2004  two doublings are three points
        return False
    before, *after = curve[-3:]
    return all(point.rows_per_second < before.rows_per_second * GROWTH_THAT_COUNTS for point in after)


def serving_defaults(curve: list[BatchPoint], max_latency_us: float | None = None) -> Serving:
    """What to serve with.

    The batch size is the smallest that gets nearly the best throughput, and 1 where that is not worth it. A replica has
    enough to do with one batch at work and one that fills, or with what it works off in a moment, whichever is more.
    """
    usable = [point for point in curve if max_latency_us is None or point.p50_us <= max_latency_us] or curve[:1]
    best = max(served_rate(point) for point in usable)
    nearly = next(point for point in usable if served_rate(point) >= NEARLY_BEST * best)
    chosen = nearly if served_rate(nearly) >= GAIN_THAT_PAYS * served_rate(usable[0]) else usable[0]
    in_flight = max(2 * chosen.batch_size, min(MOST_IN_FLIGHT, int(QUEUE_SECONDS * served_rate(chosen))))
    return Serving(batch_max_size=chosen.batch_size, in_flight=in_flight, batch_curve=curve)


def served_rate(point: BatchPoint) -> float:
    """Rows a second with what each request costs beside the model, which no batch makes less."""
    return 1 / (1 / point.rows_per_second + OVERHEAD_SECONDS)


def _point(call_of: CallOf, rows: int) -> BatchPoint | None:
    """None where that many rows do not fit or the model refuses them."""
    try:
        call = call_of(rows)
        # The session is warm; a new shape only makes it allocate.
        call()
        taken = _times(call)
    except Exception:
        if rows == 1:
            raise
        return None
    p50 = float(np.median(taken))
    return BatchPoint(batch_size=rows, p50_us=round(p50 * 1e6, 1), rows_per_second=round(rows / p50, 1))


def _times(call: Callable[[], object]) -> list[float]:
    taken: list[float] = []
    end = time.perf_counter() + SECONDS_A_SIZE
    while len(taken) < FEWEST_CALLS or (len(taken) < MOST_CALLS and time.perf_counter() < end):
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
        if time.perf_counter() > end + SECONDS:
            break
    return taken
