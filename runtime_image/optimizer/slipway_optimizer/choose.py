"""Which variant is served, and one sentence for each about why.

No I/O: measurements and the budget in, a decision out.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from slipway_contract.manifest import Candidate, Latency, Variant
from slipway_optimizer.spec import Mode

# Root mean square of the error over that of the answer, on random requests. It is 1 and more for an unrelated answer;
# this bound catches variants that are broken, and the metric on the user's data those that are merely worse.
SANE_ERROR: Final[dict[Variant, float]] = {
    "FP32": 0.0,
    "FP16": 0.05,
    "DynamicINT8": 0.5,
    "StaticINT8": 0.5,
    "INT4": 0.5,
}
# Medians of interleaved calls still differ by a few percent from run to run.
TIMING_NOISE: Final = 0.05


@dataclass(frozen=True)
class Trial:
    """What was measured of one variant; `problem` says why it could not be built or run."""

    variant: Variant
    size_bytes: int | None = None
    latency: Latency | None = None
    max_abs_diff: float | None = None
    relative_error: float | None = None
    score: float | None = None
    problem: str | None = None


@dataclass(frozen=True)
class Budget:
    """What a lossy variant may cost and must bring; `has_data` says whether the cost could be measured."""

    mode: Mode
    max_drop: float
    min_speedup: float
    has_data: bool


def choose(trials: Sequence[Trial], budget: Budget) -> list[Candidate]:
    """Decide between the plain export, which comes first in `trials`, and its variants.

    Returns:
        One candidate a trial, in order; exactly one is chosen.
    """
    baseline, *variants = trials
    judged = [(trial, objection(trial, baseline, budget)) for trial in variants]
    allowed = [trial for trial, against in judged if against is None]
    winner = max(allowed, key=lambda trial: speedup(trial, baseline) or 0.0, default=None)
    candidates = [
        _candidate(baseline, baseline, _baseline_reason(judged, winner, baseline, budget), chosen=winner is None)
    ]
    for trial, against in judged:
        reason = against or _praise(trial, baseline, winner, budget)
        candidates.append(_candidate(trial, baseline, reason, chosen=trial is winner))
    return candidates


def objection(trial: Trial, baseline: Trial, budget: Budget) -> str | None:
    """Why a lossy variant may not be served; None when nothing speaks against it."""
    name = trial.variant
    if trial.problem:
        return f"{name} does not work for this model: {trial.problem}"
    error = trial.relative_error or 0.0
    if not error <= SANE_ERROR[name]:
        return f"{name} changes the answers by {error:.0%} on random requests; at most {SANE_ERROR[name]:.0%} is sane."
    if not budget.has_data and budget.mode == "Auto":
        return (
            f"{name} changes the answers, and without evaluation data nobody knows what that costs: set "
            "spec.optimize.evaluate.data, or allow it with spec.optimize.quantize.mode."
        )
    return _over_budget(trial, baseline, budget)


def _over_budget(trial: Trial, baseline: Trial, budget: Budget) -> str | None:
    name, gain = trial.variant, speedup(trial, baseline) or 0.0
    if not budget.has_data:
        slower = gain < 1 - TIMING_NOISE
        return f"{name} is slower than the plain export: {gain:.2f} times its speed." if slower else None
    loss = drop(trial, baseline) or 0.0
    if loss > budget.max_drop:
        return f"{name} loses {loss:.4f} of the metric, and maxDrop is {budget.max_drop:g}."
    if gain < budget.min_speedup:
        return f"{name} has {gain:.2f} times the speed of the plain export, and minSpeedup is {budget.min_speedup:g}."
    return None


def speedup(trial: Trial, baseline: Trial) -> float | None:
    """Latency of the plain export over that of a variant, by medians."""
    if trial.latency is None or baseline.latency is None:
        return None
    return round(baseline.latency.p50_us / trial.latency.p50_us, 3)


def drop(trial: Trial, baseline: Trial) -> float | None:
    """What a variant loses of the metric; negative when it gains."""
    if trial.score is None or baseline.score is None:
        return None
    return round(baseline.score - trial.score, 6)


def _candidate(trial: Trial, baseline: Trial, reason: str, *, chosen: bool) -> Candidate:
    return Candidate(
        variant=trial.variant,
        size_bytes=trial.size_bytes,
        latency=trial.latency,
        speedup=speedup(trial, baseline),
        max_abs_diff=trial.max_abs_diff,
        score=trial.score,
        drop=drop(trial, baseline),
        chosen=chosen,
        reason=reason,
    )


def _baseline_reason(
    judged: Sequence[tuple[Trial, str | None]], winner: Trial | None, baseline: Trial, budget: Budget
) -> str:
    if winner is not None:
        gain = f"{speedup(winner, baseline):.2f} times its speed"
        return f"The plain export; {winner.variant} has {gain} and is inside the budget."
    if not judged:
        return "The plain export is served: quantize.mode is None."
    if budget.mode == "Auto" and not budget.has_data:
        return (
            "The plain export is served: without evaluation data nothing that changes answers may be; set "
            "spec.optimize.evaluate.data to allow it."
        )
    return "The plain export is served. " + " ".join(against for _, against in judged if against)


def _praise(trial: Trial, baseline: Trial, winner: Trial | None, budget: Budget) -> str:
    gain = f"{trial.variant} has {speedup(trial, baseline):.2f} times the speed of the plain export"
    if winner is not None and trial is not winner:
        return f"{gain}, and {winner.variant} has more."
    if budget.has_data:
        return f"{gain} and loses {drop(trial, baseline):.4f} of the metric: the fastest inside the budget."
    return f"{gain}; quantize.mode asks for it."


def failed_trial(variant: Variant, problem: str) -> Trial:
    """A variant that could not be built or run."""
    return replace(Trial(variant), problem=problem.rstrip(".") + ".")
