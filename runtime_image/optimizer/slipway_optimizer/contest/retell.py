"""What is said of the candidates once the form of the served graph is settled.

No I/O.
"""

from collections.abc import Sequence

from slipway_contract.manifest import Budget, Candidate
from slipway_optimizer.contest.choose import beaten, candidate_of, praise
from slipway_optimizer.contest.objections import over_limits
from slipway_optimizer.contest.trial import Trial


def retell(
    candidates: Sequence[Candidate], baseline: Trial, served: Trial, budget: Budget, form: str | None
) -> list[Candidate]:
    """The candidates, with the chosen one as it is served.

    Args:
        candidates: as they were chosen from.
        baseline: what was measured of the plain export.
        served: what was measured of the file that is served.
        budget: what was asked for.
        form: in which its graph is served, where that is not its own.
    """
    plain = candidates[0]
    told = []
    for candidate in candidates:
        if candidate.chosen and form is None:
            told.append(candidate.model_copy(update={"details": dict(served.details)}))
        elif candidate.chosen:
            told.append(candidate_of(served, _reason(candidate, served, budget, form, plain=plain), chosen=True))
        elif candidate is plain and form is not None and over_limits(baseline, budget) is None:
            told.append(candidate.model_copy(update={"reason": beaten(served, budget)}))
        else:
            told.append(candidate)
    return told


def _reason(candidate: Candidate, served: Trial, budget: Budget, form: str | None, *, plain: Candidate) -> str:
    if candidate is plain:
        return f"{plain.reason} Its graph is served rewritten ({form}): it has {served.speedup} as it was."
    return f"{praise(served, served, budget)} Its graph is served rewritten ({form}), and the figures are of that."
