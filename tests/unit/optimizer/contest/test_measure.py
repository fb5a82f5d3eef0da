"""Rounds: who is called when, and when it ends."""

import time
from functools import partial
from itertools import cycle

import pytest

from slipway_optimizer.contest.measure import FIRST_LOOK_ROUNDS, Pace, is_settled, measure
from slipway_optimizer.contest.speedup import FEWEST_PAIRS, Speedup


def busy(seconds, said=None, name=""):
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass
    if said is not None:
        said.append(name)


def test_each_round_has_every_contestant_in_an_order_of_its_own():
    said = []
    results = measure({name: partial(said.append, name) for name in "abc"}, Pace(seconds=0.0))
    measured = said[9:]
    rounds = [measured[start : start + 3] for start in range(0, len(measured), 3)]
    assert len(rounds) == results.latency("a", 4).runs == FEWEST_PAIRS
    assert all(sorted(names) == ["a", "b", "c"] for names in rounds)
    assert len({names[0] for names in rounds}) > 1
    assert results.latency("a", 4).batch_size == 4
    assert results.baseline == "a"


def test_medians_are_in_microseconds():
    latency = measure({"busy": partial(busy, 0.002)}, Pace(seconds=0.0)).latency("busy", 1)
    assert 2000 <= latency.p50_us < 100_000
    assert latency.p90_us >= latency.p50_us


def test_who_is_clearly_slower_leaves_and_who_is_hard_to_tell_stays():
    moods = cycle([0.0001, 0.0002, 0.0009])
    calls = {
        "plain": partial(busy, 0.0005),
        "slow": partial(busy, 0.005),
        "moody": lambda: busy(next(moods)),
    }
    rounds = measure(calls, Pace(seconds=1.0))
    assert len(rounds.taken["slow"]) == FIRST_LOOK_ROUNDS
    assert len(rounds.taken["moody"]) == len(rounds.taken["plain"]) > FIRST_LOOK_ROUNDS
    assert rounds.speedup("slow").high < 0.3


def test_it_ends_once_everything_is_known():
    start = time.perf_counter()
    rounds = measure({"plain": partial(busy, 0.002), "slow": partial(busy, 0.01)}, Pace(seconds=60.0))
    assert time.perf_counter() - start < 10
    assert len(rounds.taken["plain"]) >= FIRST_LOOK_ROUNDS


def test_time_bounds_the_calls_of_a_slow_model():
    said = []
    calls = {name: partial(busy, 0.31, said, name) for name in ("plain", "other")}
    rounds = measure(calls, Pace(seconds=0.1, patience=1.0))
    assert len(rounds.taken["plain"]) in {1, 2}
    assert len(said) == 2 + 2 * len(rounds.taken["plain"])
    assert rounds.speedup("other").low is None


@pytest.mark.parametrize(
    ("speedup", "settled"),
    [
        (Speedup(1.5, 1.49, 1.51), True),
        (Speedup(1.5, 1.3, 1.7), False),
        (Speedup(0.5, 0.3, 0.8), True),
        (Speedup(0.95, 0.8, 1.1), False),
        (Speedup(3.0), False),
    ],
)
def test_settled(speedup, settled):
    assert is_settled(speedup, Pace()) is settled
