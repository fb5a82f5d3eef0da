"""Why a candidate may not be served: each rule of the budget as a function that answers with a sentence or None.

No I/O: measurements and the budget in, sentences out.
"""

from math import isfinite
from typing import Final

from slipway_contract.manifest import Budget, Variant
from slipway_optimizer.contest.entry import PLAIN
from slipway_optimizer.contest.trial import Trial

# Root mean square of the error over that of the answer, of the worst output. It is 1 and more for an unrelated answer;
# this bound catches variants that are broken, and the metric on the user's data those that are merely worse.
SANE_ERROR: Final[dict[Variant, float]] = {
    "FP32": 0.01,
    "FP16": 0.05,
    "DynamicINT8": 0.5,
    "StaticINT8": 0.5,
    "INT4": 0.5,
}


def disqualified(trial: Trial, budget: Budget, *, allow_lossy: bool) -> str | None:
    """Why it may not be served whatever it brings: it is broken, or costs more accuracy than allowed, or who knows."""
    if trial.problem:
        return f"{trial.name} takes no part: {trial.problem.rstrip('.')}."
    if budget.metric is not None:
        return _loses_too_much(trial, budget.metric, budget.max_drop) or _insane(trial, "rows of the data")
    return _insane(trial, "random requests") or (None if allow_lossy else _cost_unknown(trial))


def _insane(trial: Trial, where: str) -> str | None:
    error, sane = trial.relative_error or 0.0, SANE_ERROR[trial.entry.variant]
    if error <= sane:
        return None
    if not isfinite(error):
        return f"{trial.name} answers {where} with what cannot be compared: other shapes, infinities or no numbers."
    return f"{trial.name} changes the answers by {error:.0%} on {where}; at most {sane:.0%} is sane."


def _cost_unknown(trial: Trial) -> str:
    return (
        f"{trial.name} changes the answers, and without evaluation data nobody knows what that costs: set "
        "spec.optimize.evaluate.data, or allow it with spec.optimize.allowLossy."
    )


def _loses_too_much(trial: Trial, metric: str, max_drop: float) -> str | None:
    if trial.drop is None:
        return f"{trial.name} has no score."
    # Not a number is more than any limit.
    if not trial.drop <= max_drop:
        return f"{trial.name} loses {trial.drop:.4f} of {metric}, and maxDrop is {max_drop:g}."
    return None


def over_limits(trial: Trial, budget: Budget) -> str | None:
    """Which hard limit it breaks."""
    if budget.max_size_bytes is not None and (trial.size_bytes or 0) > budget.max_size_bytes:
        return f"{trial.name} has {trial.size_bytes:,} bytes, and maxSizeBytes is {budget.max_size_bytes:,}."
    if budget.max_latency_us is not None and trial.latency and trial.latency.p50_us > budget.max_latency_us:
        taken, allowed = (value / 1000 for value in (trial.latency.p50_us, budget.max_latency_us))
        return f"{trial.name} takes {taken:.3g} ms for one call, and maxLatency is {allowed:.3g} ms."
    return None


def no_gain(trial: Trial, baseline: Trial, budget: Budget) -> str | None:
    """Why it is not worth its loss beside the plain export, which holds the limits as well."""
    if budget.objective == "Size":
        smaller = (trial.size_bytes or 0) < (baseline.size_bytes or 0)
        return None if smaller else f"{trial.name} is no smaller than the plain export: {trial.size_bytes:,} bytes."
    if trial.speedup is None:
        return f"{trial.name} was not timed."
    if trial.speedup.low is not None and trial.speedup.low >= budget.min_speedup:
        return None
    wanted = f"minSpeedup is {budget.min_speedup:g}"
    if trial.speedup.value >= budget.min_speedup:
        return f"{trial.name} has {trial.speedup}: {wanted}, and the difference is inside the noise."
    return f"{trial.name} has {trial.speedup}, and {wanted}."


def unfit_form(trial: Trial, baseline: Trial, budget: Budget) -> str | None:
    """Why the served candidate stays as it is: in another form it would not be served by the rules above.

    Args:
        trial: what was measured of the form.
        baseline: what was measured of the plain export.
        budget: what was asked for.
    """
    # Whether a loss of unknown size is allowed was decided with the candidate; a form has none of its own.
    against = disqualified(trial, budget, allow_lossy=True) or over_limits(trial, budget)
    if against or trial.entry == PLAIN or over_limits(baseline, budget):
        return against
    return no_gain(trial, baseline, budget)
