"""Rounds: who is called when, and when it ends."""

from functools import partial
from itertools import cycle

import pytest
from support.hand_clock import HandClock, hand_clock

from slipway_optimizer.contest import measure as measuring
from slipway_optimizer.contest.measure import FIRST_LOOK_ROUNDS, Pace, is_settled, measure
from slipway_optimizer.contest.speedup import FEWEST_PAIRS, Speedup


@pytest.fixture
def clock(monkeypatch) -> HandClock:
    return hand_clock(monkeypatch, measuring)


def test_each_round_has_every_contestant_in_an_order_of_its_own(clock):
    said = []
    results = measure({name: partial(said.append, name) for name in "abc"}, Pace(seconds=0.0))
    measured = said[9:]
    rounds = [measured[start : start + 3] for start in range(0, len(measured), 3)]
    assert len(rounds) == results.latency("a", 4).runs == FEWEST_PAIRS
    assert all(sorted(names) == ["a", "b", "c"] for names in rounds)
    assert len({names[0] for names in rounds}) > 1
    assert results.latency("a", 4).batch_size == 4
    assert results.baseline == "a"


def test_medians_are_in_microseconds(clock):
    latency = measure({"busy": clock.call_of(0.002)}, Pace(seconds=0.0)).latency("busy", 1)
    assert (latency.p50_us, latency.p90_us) == (2000.0, 2000.0)


def test_who_is_clearly_slower_leaves_and_who_is_hard_to_tell_stays(clock):
    moods = cycle([0.0001, 0.0002, 0.0009])
    calls = {
        "plain": clock.call_of(0.0005),
        "slow": clock.call_of(0.005),
        "moody": lambda: clock.passes(next(moods)),
    }
    rounds = measure(calls, Pace(seconds=1.0))
    assert len(rounds.taken["slow"]) == FIRST_LOOK_ROUNDS
    assert len(rounds.taken["moody"]) == len(rounds.taken["plain"]) > FIRST_LOOK_ROUNDS
    assert rounds.speedup("slow").high == pytest.approx(0.1)


def test_it_ends_once_everything_is_known(clock):
    rounds = measure({"plain": clock.call_of(0.002), "slow": clock.call_of(0.01)}, Pace(seconds=60.0))
    assert len(rounds.taken["plain"]) == len(rounds.taken["slow"]) == FIRST_LOOK_ROUNDS


def test_time_bounds_the_calls_of_a_slow_model(clock):
    rounds = measure({name: clock.call_of(0.31) for name in ("plain", "other")}, Pace(seconds=0.1, patience=1.0))
    assert len(rounds.taken["plain"]) == len(rounds.taken["other"]) == 2
    # One call has warmed each of them up.
    assert clock.now == pytest.approx(6 * 0.31)
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
