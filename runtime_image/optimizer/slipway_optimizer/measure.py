"""Latency: every contestant warm, in one process, in rounds of random order.

A slow moment of the machine hits all alike, and nobody always comes after the one that leaves the caches cold or its
threads spinning.
"""

import time
from collections.abc import Callable, Mapping
from random import Random
from typing import Final, TypeVar

import numpy as np

from slipway_contract.manifest import Latency

WARM_UP_CALLS: Final = 3
FEWEST_ROUNDS: Final = 10
MOST_ROUNDS: Final = 1000
SECONDS: Final = 6.0

Name = TypeVar("Name", bound=str)


def measure(
    contestants: Mapping[Name, Callable[[], object]], batch_size: int, seconds: float = SECONDS
) -> dict[Name, Latency]:
    """Time calls in rounds, one call of each contestant a round, in an order that is drawn anew for each.

    Args:
        contestants: what to call, by name.
        batch_size: rows in each call, for the record.
        seconds: how long to go on, between the fewest and the most rounds.

    Returns:
        Medians and 90th percentiles in microseconds.
    """
    for call in contestants.values():
        for _ in range(WARM_UP_CALLS):
            call()
    taken: dict[Name, list[int]] = {name: [] for name in contestants}
    end = time.perf_counter() + seconds
    rounds = 0
    order = list(contestants)
    shuffle = Random(0).shuffle  # noqa: S311  an order, no secret
    while rounds < FEWEST_ROUNDS or (rounds < MOST_ROUNDS and time.perf_counter() < end):
        shuffle(order)
        for name in order:
            call = contestants[name]
            start = time.perf_counter_ns()
            call()
            taken[name].append(time.perf_counter_ns() - start)
        rounds += 1
    return {name: _latency(values, batch_size) for name, values in taken.items()}


def _latency(nanoseconds: list[int], batch_size: int) -> Latency:
    p50, p90 = np.percentile(nanoseconds, [50, 90]) / 1000
    return Latency(
        batch_size=batch_size, p50_us=round(float(p50), 1), p90_us=round(float(p90), 1), runs=len(nanoseconds)
    )
