"""Which candidate is served: every rule as one row."""

from dataclasses import replace

import pytest

from slipway_contract.manifest import Budget, Latency
from slipway_optimizer.contest.choose import BudgetNotMetError, choose
from slipway_optimizer.contest.entry import Entry
from slipway_optimizer.contest.speedup import Speedup
from slipway_optimizer.contest.trial import Trial


def trial(name, speedup=1.0, drop=None, *, size=100, noise=0.02, error=0.001):
    *derivation, variant = name.split()
    return Trial(
        Entry(variant, *derivation),
        size_bytes=size,
        latency=Latency(batch_size=1, p50_us=1000.0 / speedup, p90_us=2000.0 / speedup, runs=50),
        speedup=Speedup(speedup, speedup - noise, speedup + noise) if noise else Speedup(speedup),
        max_abs_diff=error,
        relative_error=error,
        score=None if drop is None else 0.9 - drop,
        drop=drop,
    )


def broken(name, problem):
    *derivation, variant = name.split()
    return Trial(Entry(variant, *derivation), problem=problem)


def budget(objective="Latency", data=True, **limits):
    metric = "Accuracy" if data else None
    return Budget(**{"objective": objective, "metric": metric, "max_drop": 0.01, "min_speedup": 1.1, **limits})


PLAIN = trial("FP32", drop=0.0)
HALF = trial("FP16", 1.5, 0.0, size=50)
INTEGERS = trial("DynamicINT8", 2.0, 0.005, size=26)
STUDENT = trial("Distilled FP32", 4.0, 0.002, size=10)

CASES = [
    pytest.param([], budget(data=False), False, "FP32", "spec.optimize allows nothing else.", id="nothing else"),
    pytest.param(
        [trial("FP16", 3.0), trial("INT4", 4.0)],
        budget(data=False),
        False,
        "FP32",
        "everything else changes the answers, and without evaluation data nobody knows what that costs. Set "
        "spec.optimize.evaluate.data, or allow it with spec.optimize.allowLossy.",
        id="no data: only numeric parity counts",
    ),
    pytest.param(
        [trial("FP16", 1.5), trial("DynamicINT8", 2.0)],
        budget(data=False),
        True,
        "DynamicINT8",
        "2.00 times the speed of the plain export (1.98 to 2.02): the fastest inside the budget; what it costs was not "
        "measured.",
        id="no data, but allowed",
    ),
    pytest.param(
        [trial("DynamicINT8", 1.05)],
        budget(data=False),
        True,
        "FP32",
        "DynamicINT8 has 1.05 times the speed of the plain export (1.03 to 1.07), and minSpeedup is 1.1.",
        id="no data, allowed, but not faster",
    ),
    pytest.param(
        [HALF, INTEGERS],
        budget(),
        False,
        "DynamicINT8",
        "2.00 times the speed of the plain export (1.98 to 2.02), and loses 0.0050 of Accuracy: the fastest inside",
        id="the fastest inside the budget",
    ),
    pytest.param(
        [HALF, trial("DynamicINT8", 2.0, 0.02)], budget(), False, "FP16", "1.50 times", id="fast, but loses too much"
    ),
    pytest.param(
        [trial("DynamicINT8", 2.0, 0.0200)],
        budget(),
        False,
        "FP32",
        "DynamicINT8 loses 0.0200 of Accuracy, and maxDrop is 0.01.",
        id="why it loses: accuracy",
    ),
    pytest.param(
        [trial("FP16", 1.12, 0.0, noise=0.05)],
        budget(),
        False,
        "FP32",
        "FP16 has 1.12 times the speed of the plain export (1.07 to 1.17): minSpeedup is 1.1, and the difference is "
        "inside the noise.",
        id="inside the noise",
    ),
    pytest.param(
        [trial("FP16", 1.03, 0.0, noise=0.05)],
        budget(min_speedup=1.0),
        False,
        "FP32",
        "inside the noise",
        id="around 1",
    ),
    pytest.param(
        [trial("FP16", 1.06, 0.0, noise=0.05)],
        budget(min_speedup=1.0),
        False,
        "FP16",
        "1.06 times",
        id="above 1",
    ),
    pytest.param(
        [trial("FP16", 3.0, 0.0, noise=0)], budget(), False, "FP32", "from too few calls to be sure", id="too few calls"
    ),
    pytest.param([trial("FP16", 2.0, -0.05)], budget(), False, "FP16", "loses -0.0500", id="it even gains"),
    pytest.param(
        [trial("DynamicINT8", 2.0, 0.0, error=0.9)], budget(), False, "FP32", "by 90% on rows of the data", id="insane"
    ),
    pytest.param(
        [trial("FP16", 2.0, 0.0, error=float("nan"))],
        budget(),
        False,
        "FP32",
        "with what cannot be compared",
        id="not a number",
    ),
    pytest.param(
        [broken("FP16", "no kernel for Foo")],
        budget(data=False),
        True,
        "FP32",
        "FP16 takes no part: no kernel for Foo.",
        id="does not work",
    ),
    pytest.param(
        [trial("FP16", 2.0, 0.0, size=50), trial("StaticINT8", 1.99, 0.0, size=26)],
        budget(),
        False,
        "StaticINT8",
        "1.99 times",
        id="as fast within the noise: the smaller",
    ),
    pytest.param(
        [INTEGERS, STUDENT], budget(), False, "Distilled FP32", "Distilled FP32 has 4.00 times", id="a distilled model"
    ),
    pytest.param(
        [INTEGERS, broken("Pruned FP32", "a reason")],
        budget(),
        False,
        "DynamicINT8",
        "2.00",
        id="no pruned",
    ),
    pytest.param(
        [HALF, trial("INT4", 0.5, 0.01, size=14)],
        budget("Size"),
        False,
        "INT4",
        "INT4 has 14 bytes, and loses 0.0100 of Accuracy: the smallest inside the budget.",
        id="Size: slower does not matter",
    ),
    pytest.param(
        [trial("FP16", 2.0, 0.0, size=100)], budget("Size"), False, "FP32", "no smaller than", id="Size: no smaller"
    ),
    pytest.param(
        [HALF, trial("INT4", 0.5, 0.0, size=14)],
        budget("Size", max_latency_us=1500.0),
        False,
        "FP16",
        "FP16 has 50 bytes",
        id="Size within maxLatency",
    ),
    pytest.param(
        [HALF, INTEGERS, trial("INT4", 1.2, 0.0, size=14)],
        budget(max_size_bytes=20),
        False,
        "INT4",
        "1.20 times",
        id="maxSizeBytes excludes faster ones, and the plain export",
    ),
    pytest.param(
        [trial("INT4", 0.9, 0.0, size=14)],
        budget(max_size_bytes=20),
        False,
        "INT4",
        "0.90 times",
        id="minSpeedup does not count where the plain export breaks a limit",
    ),
    pytest.param(
        [trial("FP16", 1.5, 0.0, size=50)],
        budget(max_latency_us=700.0),
        False,
        "FP16",
        "1.50 times",
        id="maxLatency excludes the plain export",
    ),
]


@pytest.mark.parametrize(("others", "given", "allow_lossy", "winner", "says"), CASES)
def test_the_choice(others, given, allow_lossy, winner, says):
    candidates = choose([PLAIN, *others], given, allow_lossy=allow_lossy)
    assert [candidate.name for candidate in candidates] == ["FP32", *(other.name for other in others)]
    assert [candidate.name for candidate in candidates if candidate.chosen] == [winner]
    chosen = next(candidate for candidate in candidates if candidate.chosen)
    assert says in chosen.reason
    assert all(candidate.reason for candidate in candidates)


@pytest.mark.parametrize(
    ("others", "given", "says"),
    [
        pytest.param([], budget(max_size_bytes=20), "FP32 has 100 bytes, and maxSizeBytes is 20.", id="nothing tried"),
        pytest.param(
            [HALF, trial("DynamicINT8", 2.0, 0.0, size=26)],
            budget(max_size_bytes=20),
            "The closest other: DynamicINT8 has 26 bytes, and maxSizeBytes is 20.",
            id="too large",
        ),
        pytest.param(
            [HALF, trial("DynamicINT8", 2.0, 0.3, size=10)],
            budget(max_size_bytes=20),
            "The closest other: DynamicINT8 loses 0.3000 of Accuracy, and maxDrop is 0.01.",
            id="small enough, but it loses too much",
        ),
        pytest.param(
            [HALF, INTEGERS],
            budget(max_latency_us=100.0),
            "FP32 takes 1 ms for one call, and maxLatency is 0.1 ms. The closest other: DynamicINT8 takes 0.5 ms",
            id="too slow",
        ),
    ],
)
def test_a_budget_that_nothing_holds_is_not_met_in_silence(others, given, says):
    with pytest.raises(BudgetNotMetError) as caught:
        choose([PLAIN, *others], given, allow_lossy=False)
    assert str(caught.value).startswith("Nothing holds the budget. ")
    assert says in str(caught.value)


def test_every_loser_says_why():
    slow = trial("INT4", 0.2, 0.0, size=14)
    plain, half, integers, four = choose([PLAIN, HALF, INTEGERS, slow], budget(), allow_lossy=False)
    assert plain.reason == (
        "The plain export; DynamicINT8 has 2.00 times the speed of the plain export (1.98 to 2.02), and is inside the "
        "budget."
    )
    assert half.reason == (
        "FP16 has 1.50 times the speed of the plain export (1.48 to 1.52), and is inside the budget, but DynamicINT8 "
        "is faster."
    )
    assert four.reason == "INT4 has 0.20 times the speed of the plain export (0.18 to 0.22), and minSpeedup is 1.1."
    assert (integers.speedup, integers.speedup_low, integers.speedup_high, integers.drop) == (2.0, 1.98, 2.02, 0.005)


def test_the_sentence_about_the_plain_export_stays_short():
    others = [trial("FP16", 0.5 + 0.01 * number, 0.0) for number in range(12)]
    plain, *_ = choose([PLAIN, *others], budget(), allow_lossy=False)
    assert plain.reason.count("minSpeedup") == 3
    assert plain.reason.endswith("9 more are in the report.")
    assert "0.61 times" in plain.reason


def test_what_is_known_of_a_candidate_goes_into_the_manifest():
    student = replace(STUDENT, details={"parameters": 1000})
    _, candidate = choose([PLAIN, student], budget(), allow_lossy=False)
    assert candidate.details == {"parameters": 1000}
    assert (candidate.derivation, candidate.variant, candidate.name) == ("Distilled", "FP32", "Distilled FP32")


@pytest.mark.parametrize("error", [float("inf"), float("nan")])
def test_answers_that_cannot_be_compared_are_not_served(error):
    candidates = choose([PLAIN, trial("FP16", 3.0, 0.0, error=error)], budget(), allow_lossy=True)
    assert [candidate.chosen for candidate in candidates] == [True, False]
    assert "cannot be compared" in candidates[1].reason
    assert "nan%" not in candidates[1].reason


def test_a_drop_that_is_no_number_is_not_inside_the_budget():
    candidates = choose([PLAIN, trial("FP16", 3.0, float("nan"))], budget(), allow_lossy=True)
    assert [candidate.chosen for candidate in candidates] == [True, False]
