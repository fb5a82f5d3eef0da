"""Who is in memory together: all, where they fit; else each beside the plain export, one after the other.

No I/O.
"""

from collections.abc import Sequence
from typing import Final

from slipway_optimizer.contest.trial import Trial

# Of files; sessions hold about as much again.
TOGETHER_BYTES: Final = 1 << 30


def heats(trials: Sequence[Trial], together_bytes: int = TOGETHER_BYTES) -> list[list[Trial]]:
    """Groups to be timed, each with the plain export as its first; who could not be built is in none."""
    plain, *others = [trial for trial in trials if trial.problem is None]
    if not others or sum(trial.size_bytes or 0 for trial in (plain, *others)) <= together_bytes:
        return [[plain, *others]]
    return [[plain, other] for other in others]
