"""The served graph in another form: what it has to hold, and what is said of it then."""

from dataclasses import replace

import pytest

from slipway_contract.manifest import Budget, Latency
from slipway_optimizer.contest.choose import choose
from slipway_optimizer.contest.entry import PLAIN as PLAIN_ENTRY
from slipway_optimizer.contest.entry import Entry
from slipway_optimizer.contest.form_times import BASELINE, figures_of
from slipway_optimizer.contest.measure import Rounds
from slipway_optimizer.contest.objections import unfit_form
from slipway_optimizer.contest.retell import retell
from slipway_optimizer.contest.speedup import Speedup
from slipway_optimizer.contest.trial import Trial
from slipway_optimizer.graph.settle import OWN

BUDGET = Budget(objective="Latency", metric="Accuracy", max_drop=0.01, min_speedup=1.1)


def trial(entry, speedup, drop=0.0, size=100, error=0.001):
    return Trial(
        entry,
        size_bytes=size,
        latency=Latency(batch_size=1, p50_us=1000 / speedup, p90_us=1100 / speedup, runs=50),
        speedup=Speedup(speedup, speedup - 0.02, speedup + 0.02),
        max_abs_diff=error,
        relative_error=error,
        score=0.9 - drop,
        drop=drop,
    )


PLAIN = trial(PLAIN_ENTRY, 1.0)
INTEGERS = trial(Entry("DynamicINT8"), 2.0, 0.005, size=26)


@pytest.mark.parametrize(
    ("form", "limits", "says"),
    [
        pytest.param(trial(Entry("DynamicINT8"), 2.2, 0.005), {}, None, id="faster, inside the budget"),
        pytest.param(trial(Entry("DynamicINT8"), 2.2, 0.02), {}, "loses 0.0200 of Accuracy", id="drop"),
        pytest.param(trial(Entry("DynamicINT8"), 2.2, error=0.6), {}, "changes the answers by 60%", id="distance"),
        pytest.param(trial(Entry("DynamicINT8"), 2.2, size=31), {"max_size_bytes": 30}, "maxSizeBytes", id="size"),
        pytest.param(trial(Entry("DynamicINT8"), 2.0), {"max_latency_us": 450.0}, "maxLatency", id="latency"),
        pytest.param(trial(Entry("DynamicINT8"), 1.05), {}, "and minSpeedup is 1.1", id="no gain any more"),
        pytest.param(
            trial(Entry("DynamicINT8"), 1.05, size=26), {"max_size_bytes": 30}, None, id="the plain export is too large"
        ),
        pytest.param(trial(PLAIN_ENTRY, 1.0), {}, None, id="the plain export needs no gain"),
        pytest.param(trial(PLAIN_ENTRY, 1.2, 0.02), {}, "FP32 loses", id="nor may it lose"),
        pytest.param(Trial(PLAIN_ENTRY, problem="it has no score"), {}, "takes no part", id="it could not be scored"),
    ],
)
def test_a_form_has_to_hold_what_the_candidate_holds(form, limits, says):
    against = unfit_form(form, PLAIN, BUDGET.model_copy(update=limits))
    assert (against is None) if says is None else (against is not None and says in against)


def test_what_is_said_is_of_the_form_that_is_served():
    candidates = choose([PLAIN, INTEGERS], BUDGET, allow_lossy=False)
    form = replace(trial(Entry("DynamicINT8"), 2.5, 0.006, size=25), details={"graph": {"form": "Offline"}})
    plain, chosen = retell(candidates, PLAIN, form, BUDGET, "Offline")
    assert (chosen.chosen, chosen.size_bytes, chosen.speedup, chosen.drop) == (True, 25, 2.5, 0.006)
    assert chosen.latency == form.latency
    assert chosen.reason == (
        "DynamicINT8 has 2.50 times the speed of the plain export (2.48 to 2.52), and loses 0.0060 of Accuracy: the "
        "fastest inside the budget. Its graph is served rewritten (Offline), and the figures are of that."
    )
    assert "2.50 times" in plain.reason
    assert "2.00 times" not in plain.reason
    assert (plain.latency, plain.chosen) == (PLAIN.latency, False)


def test_a_plain_export_that_is_rewritten_says_what_that_brings():
    candidates = choose([PLAIN], BUDGET, allow_lossy=False)
    form = trial(PLAIN_ENTRY, 1.2, size=99)
    (chosen,) = retell(candidates, PLAIN, form, BUDGET, "Offline")
    assert (chosen.chosen, chosen.speedup, chosen.size_bytes) == (True, 1.2, 99)
    assert chosen.reason.endswith(
        "Its graph is served rewritten (Offline): it has 1.20 times the speed of the plain export (1.18 to 1.22) as it "
        "was."
    )


def test_the_own_form_keeps_all_figures_and_notes_what_was_tried():
    candidates = choose([PLAIN, INTEGERS], BUDGET, allow_lossy=False)
    told = replace(INTEGERS, details={"graph": {"form": OWN}})
    plain, chosen = retell(candidates, PLAIN, told, BUDGET, None)
    assert plain == candidates[0]
    assert chosen == candidates[1].model_copy(update={"details": {"graph": {"form": OWN}}})


def test_why_the_plain_export_breaks_a_limit_stays_said():
    budget = BUDGET.model_copy(update={"max_size_bytes": 30})
    candidates = choose([PLAIN, INTEGERS], budget, allow_lossy=False)
    told = retell(candidates, PLAIN, trial(Entry("DynamicINT8"), 2.5, size=25), budget, "Offline")
    assert told[0].reason == candidates[0].reason
    assert "maxSizeBytes" in told[0].reason


def test_forms_are_compared_with_the_own_one_and_told_over_the_plain_export():
    rounds = Rounds({BASELINE: [4000] * 30, OWN: [2000] * 10, "Offline": [1000] * 30})
    times = figures_of(rounds, {BASELINE: 0.3, OWN: 0.2, "Offline": 0.1})
    assert set(times.figures) == {OWN, "Offline"}
    assert times.figures["Offline"].speedup == Speedup(2.0, 2.0, 2.0)
    assert times.over_baseline("Offline") == Speedup(4.0, 4.0, 4.0)
    assert times.facts()["Offline"] == {"speedup": 2.0, "speedupLow": 2.0, "startSeconds": 0.1}
