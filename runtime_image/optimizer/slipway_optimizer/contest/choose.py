"""Which candidate is served, and one sentence for each about why.

No I/O: measurements and the budget in, a decision out.
"""

from collections.abc import Sequence

from slipway_contract.manifest import Budget, Candidate
from slipway_optimizer.contest.objections import disqualified, no_gain, over_limits
from slipway_optimizer.contest.trial import Trial

# The sentence about the plain export names the candidates that came closest; the report has all of them.
MOST_NAMED = 3


class BudgetNotMetError(Exception):
    """Nothing holds the budget, not even the plain export; the sentence names what came closest."""


def choose(trials: Sequence[Trial], budget: Budget, *, allow_lossy: bool) -> list[Candidate]:
    """Decide between the plain export, which comes first in `trials`, and everything else.

    `min_speedup` says what is worth a loss beside the plain export: it does not count where that breaks a limit.

    Args:
        trials: what was measured.
        budget: what was asked for; without a metric nobody knows what a lossy candidate costs.
        allow_lossy: whether a lossy candidate may be served although nobody knows that.

    Returns:
        One candidate a trial, in order; exactly one is chosen.

    Raises:
        BudgetNotMetError: the limits are a promise, and nothing keeps it.
    """
    baseline, *others = trials
    too_much = over_limits(baseline, budget)
    judged = [(trial, disqualified(trial, budget, allow_lossy=allow_lossy)) for trial in others]
    judged = [(trial, against or over_limits(trial, budget)) for trial, against in judged]
    if too_much is None:
        judged = [(trial, against or no_gain(trial, baseline, budget)) for trial, against in judged]
    allowed = [trial for trial, against in judged if against is None]
    winner = best(allowed, budget) if allowed else None
    if winner is None and too_much is not None:
        raise BudgetNotMetError(_not_met(too_much, judged, budget))
    plain = _plain_reason(judged, winner, too_much, budget)
    candidates = [candidate_of(baseline, plain, chosen=winner is None)]
    for trial, against in judged:
        reason = against or praise(trial, winner, budget)
        candidates.append(candidate_of(trial, reason, chosen=trial is winner))
    return candidates


def best(allowed: Sequence[Trial], budget: Budget) -> Trial:
    """The one that serves the objective best. Among those as fast as the fastest, within the noise, the smallest."""
    if budget.objective == "Size":
        return min(allowed, key=lambda trial: (trial.size_bytes or 0, -_speed(trial)))
    fastest = max(allowed, key=_speed)
    return min((trial for trial in allowed if _ties(trial, fastest)), key=lambda trial: trial.size_bytes or 0)


def _ties(trial: Trial, fastest: Trial) -> bool:
    if trial is fastest:
        return True
    if trial.speedup is None or trial.speedup.high is None or fastest.speedup is None or fastest.speedup.low is None:
        return False
    return trial.speedup.high >= fastest.speedup.low


def _speed(trial: Trial) -> float:
    return trial.speedup.value if trial.speedup else 0.0


def candidate_of(trial: Trial, reason: str, *, chosen: bool) -> Candidate:
    """A trial as the manifest has it."""
    speedup = trial.speedup
    return Candidate(
        variant=trial.entry.variant,
        derivation=trial.entry.derivation,
        execution_provider=trial.entry.execution_provider,
        size_bytes=trial.size_bytes,
        latency=trial.latency,
        speedup=round(speedup.value, 3) if speedup else None,
        speedup_low=_rounded(speedup.low) if speedup else None,
        speedup_high=_rounded(speedup.high) if speedup else None,
        max_abs_diff=trial.max_abs_diff,
        score=trial.score,
        drop=trial.drop,
        details=dict(trial.details),
        chosen=chosen,
        reason=reason,
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _plain_reason(
    judged: Sequence[tuple[Trial, str | None]], winner: Trial | None, too_much: str | None, budget: Budget
) -> str:
    if too_much is not None:
        return too_much
    if winner is not None:
        return beaten(winner, budget)
    if not judged:
        return "The plain export is served: spec.optimize allows nothing else."
    if budget.metric is None and any(against and "allowLossy" in against for _, against in judged):
        return (
            "The plain export is served: everything else changes the answers, and without evaluation data nobody "
            "knows what that costs. Set spec.optimize.evaluate.data, or allow it with spec.optimize.allowLossy."
        )
    closest = sorted(judged, key=lambda item: -_speed(item[0]))
    named = " ".join(against for _, against in closest[:MOST_NAMED] if against)
    more = len(closest) - MOST_NAMED
    return f"The plain export is served. {named}" + (f" {more} more are in the report." if more > 0 else "")


def beaten(winner: Trial, budget: Budget) -> str:
    """What is said of a plain export that holds the limits, and is not served."""
    gain = f"{winner.size_bytes:,} bytes" if budget.objective == "Size" else str(winner.speedup)
    return f"The plain export; {winner.name} has {gain}, and is inside the budget."


def praise(trial: Trial, winner: Trial | None, budget: Budget) -> str:
    """What is said of a candidate that may be served, beside the one that is."""
    gain = f"{trial.name} has {trial.size_bytes:,} bytes" if budget.objective == "Size" else ""
    gain = gain or f"{trial.name} has {trial.speedup}"
    if winner is not None and trial is not winner:
        return f"{gain}, and is inside the budget, but {_why_better(winner, trial, budget)}."
    best_of = "smallest" if budget.objective == "Size" else "fastest"
    if budget.metric is None:
        return f"{gain}: the {best_of} inside the budget; what it costs was not measured."
    return f"{gain}, and loses {trial.drop:.4f} of {budget.metric}: the {best_of} inside the budget."


def _why_better(winner: Trial, trial: Trial, budget: Budget) -> str:
    if budget.objective == "Size":
        return f"{winner.name} is smaller"
    if _speed(winner) > _speed(trial) and not _ties(trial, winner):
        return f"{winner.name} is faster"
    return f"{winner.name} is as fast within the noise, and smaller"


def _not_met(too_much: str, judged: Sequence[tuple[Trial, str | None]], budget: Budget) -> str:
    closest = _closest(judged, budget)
    rest = f" The closest other: {closest}" if closest else ""
    return f"Nothing holds the budget. {too_much}{rest} Raise the limit, allow more loss, or take a smaller model."


def _closest(judged: Sequence[tuple[Trial, str | None]], budget: Budget) -> str | None:
    """What is said of the candidate that is nearest to the limits."""
    measured = [(trial, against) for trial, against in judged if against and trial.size_bytes and trial.latency]
    return min(measured, key=lambda item: _excess(item[0], budget), default=(None, None))[1]


def _excess(trial: Trial, budget: Budget) -> float:
    """By how much it breaks the limits: the worst ratio."""
    size = (trial.size_bytes or 0) / budget.max_size_bytes if budget.max_size_bytes else 0.0
    taken = trial.latency.p50_us if trial.latency else float("inf")
    return max(size, taken / budget.max_latency_us if budget.max_latency_us else 0.0)
