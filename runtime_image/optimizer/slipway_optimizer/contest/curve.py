"""How long a call takes by its number of rows, and what follows from it for serving."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from slipway_contract.manifest import BatchPoint, Serving
from slipway_optimizer.contest.measure import Pace, Rounds, measure

BATCH_SIZES: Final = (1, 2, 4, 8, 16, 32, 64)
# All sizes in turn; nobody is hopeless, since more rows always take longer.
PACE: Final = Pace(seconds=1.5, patience=4.0, hopeless_below=0.0)
# A call that takes longer is the last size: a round of all would take too long.
LONGEST_CALL_SECONDS: Final = 0.25
# The fastest of them counts: a moment in which another process has the CPU says nothing of the model.
LOOKS: Final = 2
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

Call = Callable[[], object]


@dataclass(frozen=True)
class Curve:
    """Points from one row on, and what each number of rows surely brings: rows a second over those of single rows."""

    points: list[BatchPoint]
    sure_gains: Mapping[int, float] = field(default_factory=dict)


def measure_curve(call_of: Callable[[int], Call], most_rows: int, max_latency_us: float | None = None) -> Curve:
    """Time calls of 1, 2, 4, ... rows in turn, as far as more rows bring more, are allowed, and fit.

    Args:
        call_of: for a number of rows, a call with that many.
        most_rows: where to end at the latest.
        max_latency_us: what a call may take.
    """
    calls = _worth_timing(call_of, most_rows, max_latency_us)
    rounds = measure({str(rows): call for rows, call in calls.items()}, PACE)
    points = [_point(rounds, rows) for rows in calls]
    return Curve(points, {rows: rows * (rounds.speedup(str(rows)).low or 0.0) for rows in calls})


def serving_defaults(curve: Curve, max_latency_us: float | None = None) -> Serving:
    """What to serve with.

    The batch size is the smallest that gets nearly the best throughput, and 1 where that is not surely worth it. A
    replica has enough to do with one batch at work and one that fills, or with what it works off in a moment, whichever
    is more.
    """
    points = curve.points
    usable = [point for point in points if max_latency_us is None or point.p50_us <= max_latency_us] or points[:1]
    single = usable[0].rows_per_second
    best = max(served_rate(point.rows_per_second) for point in usable)
    nearly = next(point for point in usable if served_rate(point.rows_per_second) >= NEARLY_BEST * best)
    surely = served_rate(single * curve.sure_gains.get(nearly.batch_size, 0.0))
    chosen = nearly if surely >= GAIN_THAT_PAYS * served_rate(single) else usable[0]
    moment = int(QUEUE_SECONDS * served_rate(chosen.rows_per_second))
    in_flight = max(2 * chosen.batch_size, min(MOST_IN_FLIGHT, moment))
    return Serving(batch_max_size=chosen.batch_size, in_flight=in_flight, batch_curve=points)


def served_rate(rows_per_second: float) -> float:
    """Rows a second with what each request costs beside the model, which no batch makes less."""
    return 1 / (1 / rows_per_second + OVERHEAD_SECONDS) if rows_per_second else 0.0


def has_flattened(rates: list[float]) -> bool:
    """Whether the last two doublings brought nothing."""
    if len(rates) < 3:  # noqa: PLR2004  two doublings are three points
        return False
    before, *after = rates[-3:]
    return all(rate < before * GROWTH_THAT_COUNTS for rate in after)


def _worth_timing(call_of: Callable[[int], Call], most_rows: int, max_latency_us: float | None) -> dict[int, Call]:
    """By a look at each size; a size that the model or the memory does not allow is the end."""
    calls: dict[int, Call] = {}
    rates: list[float] = []
    for rows in (size for size in BATCH_SIZES if size <= most_rows):
        try:
            call = call_of(rows)
            call()
            seconds = min(_seconds_of(call) for _ in range(LOOKS))
        except Exception:
            if rows == 1:
                raise
            break
        calls[rows] = call
        rates.append(rows / seconds)
        too_slow = max_latency_us is not None and seconds * 1e6 > max_latency_us
        if too_slow or seconds > LONGEST_CALL_SECONDS or has_flattened(rates):
            break
    return calls


def _seconds_of(call: Call) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _point(rounds: Rounds, rows: int) -> BatchPoint:
    p50 = rounds.latency(str(rows), rows).p50_us
    return BatchPoint(batch_size=rows, p50_us=p50, rows_per_second=round(rows / p50 * 1e6, 1))
