"""Which variant is served: every rule as one row."""

import pytest

from slipway_contract.manifest import Latency
from slipway_optimizer.choose import Budget, Trial, choose, failed_trial


def trial(variant, speedup, score=None, error=0.001):
    latency = Latency(batch_size=1, p50_us=1000.0 / speedup, p90_us=2000.0 / speedup, runs=10)
    return Trial(variant, 100, latency, max_abs_diff=error, relative_error=error, score=score)


def budget(mode, data, max_drop=0.01, min_speedup=1.1):
    return Budget(mode, max_drop, min_speedup, has_data=data)


PLAIN = trial("FP32", 1.0, score=0.9)
WITH_DATA = budget("Auto", data=True)
WITHOUT_DATA = budget("Auto", data=False)


@pytest.mark.parametrize(
    ("trials", "given", "winner", "says"),
    [
        pytest.param([], budget("None", data=False), "FP32", "quantize.mode is None", id="mode None"),
        pytest.param(
            [trial("FP16", 3.0)], WITHOUT_DATA, "FP32", "set spec.optimize.evaluate.data", id="Auto without data"
        ),
        pytest.param(
            [trial("FP16", 1.5, 0.9), trial("DynamicINT8", 2.0, 0.895)],
            WITH_DATA,
            "DynamicINT8",
            "2.00 times the speed of the plain export and loses 0.0050 of the metric",
            id="the fastest inside the budget",
        ),
        pytest.param(
            [trial("FP16", 1.5, 0.9), trial("DynamicINT8", 2.0, 0.88)],
            WITH_DATA,
            "FP16",
            "1.50 times",
            id="fast, but it loses too much",
        ),
        pytest.param(
            [trial("FP16", 1.05, 0.9), trial("DynamicINT8", 0.3, 0.9)],
            WITH_DATA,
            "FP32",
            "FP16 has 1.05 times the speed of the plain export, and minSpeedup is 1.1.",
            id="nothing is faster",
        ),
        pytest.param([trial("FP16", 2.0, 0.95)], WITH_DATA, "FP16", "loses -0.0500", id="it even gains"),
        pytest.param(
            [trial("DynamicINT8", 2.0, 0.9, error=0.9)], WITH_DATA, "FP32", "by 90% on random requests", id="insane"
        ),
        pytest.param(
            [trial("FP16", 2.0, 0.9, error=float("nan"))], WITH_DATA, "FP32", "by nan% on random", id="not a number"
        ),
        pytest.param([trial("FP16", 1.0)], budget("FP16", data=False), "FP16", "mode asks for it", id="asked for"),
        pytest.param(
            [trial("DynamicINT8", 0.12)],
            budget("DynamicINT8", data=False),
            "FP32",
            "DynamicINT8 is slower than the plain export: 0.12 times its speed.",
            id="asked for, but slower",
        ),
        pytest.param(
            [trial("FP16", 2.0, 0.5)], budget("FP16", data=True), "FP32", "maxDrop is 0.01", id="asked for, over budget"
        ),
        pytest.param(
            [failed_trial("FP16", "no kernel for Foo")],
            budget("FP16", data=False),
            "FP32",
            "FP16 does not work for this model: no kernel for Foo.",
            id="asked for, does not work",
        ),
    ],
)
def test_the_choice(trials, given, winner, says):
    candidates = choose([PLAIN, *trials], given)
    assert [candidate.variant for candidate in candidates if candidate.chosen] == [winner]
    assert [candidate.variant for candidate in candidates] == ["FP32", *(trial.variant for trial in trials)]
    chosen = next(candidate for candidate in candidates if candidate.chosen)
    assert says in chosen.reason
    assert all(candidate.reason for candidate in candidates)


def test_every_loser_says_why():
    plain, half, integers = choose([PLAIN, trial("FP16", 1.5, 0.9), trial("DynamicINT8", 2.0, 0.9)], WITH_DATA)
    assert plain.reason == "The plain export; DynamicINT8 has 2.00 times its speed and is inside the budget."
    assert half.reason == "FP16 has 1.50 times the speed of the plain export, and DynamicINT8 has more."
    assert (integers.speedup, integers.drop) == (2.0, 0.0)
