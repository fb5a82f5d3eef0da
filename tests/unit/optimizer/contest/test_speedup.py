"""Speed-ups with their noise, from times that a generator draws."""

import numpy as np
import pytest

from slipway_optimizer.contest.speedup import FEWEST_PAIRS, speedup_of


def times(rounds, ratio, noise, seed=0):
    """A machine whose mood changes slowly, the same for both in each round."""
    generator = np.random.default_rng(seed)
    mood = 1 + noise * np.abs(np.cumsum(generator.standard_normal(rounds)) / np.sqrt(rounds))
    jitter = 1 + noise * generator.standard_normal((2, rounds)) / 10
    return 1000 * mood * jitter[0], 1000 / ratio * mood * jitter[1]


@pytest.mark.parametrize("ratio", [0.3, 1.0, 1.2, 4.0])
@pytest.mark.parametrize("noise", [0.01, 0.3])
def test_the_interval_holds_the_truth_and_narrows(ratio, noise):
    few, many = (speedup_of(*times(rounds, ratio, noise)) for rounds in (20, 400))
    assert many.low < ratio < many.high
    assert many.low <= many.value <= many.high
    assert many.width < few.width


def test_equal_models_differ_inside_the_noise():
    inside = 0
    for seed in range(40):
        speedup = speedup_of(*times(60, 1.0, 0.2, seed))
        inside += speedup.low <= 1 <= speedup.high
    assert inside >= 36


def test_slow_moments_that_hit_both_do_not_widen_it():
    baseline, other = times(100, 1.5, 0.01)
    slow = np.where(np.arange(100) % 3 == 0, 4.0, 1.0)
    assert speedup_of(baseline * slow, other * slow).width < 0.1


def test_few_pairs_have_no_interval():
    speedup = speedup_of(np.full(FEWEST_PAIRS - 1, 2.0), np.full(FEWEST_PAIRS - 1, 1.0))
    assert (speedup.value, speedup.low, speedup.high) == (2.0, None, None)
    assert speedup.width == float("inf")
    assert str(speedup) == "2.00 times the speed of the plain export, from too few calls to be sure"


def test_only_common_rounds_count():
    baseline = np.concatenate([np.full(20, 2.0), np.full(1000, 99.0)])
    assert speedup_of(baseline, np.full(20, 1.0)).value == 2.0
