"""Time the plain export, everything made from it and the original side by side, and score them on the user's data."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from slipway_contract.manifest import Latency, Reference
from slipway_optimizer import reasons
from slipway_optimizer.arrays import Feeds
from slipway_optimizer.contest.entry import PLAIN, Entry
from slipway_optimizer.contest.heats import heats
from slipway_optimizer.contest.measure import Pace, Rounds, measure
from slipway_optimizer.contest.request import rows_of
from slipway_optimizer.contest.trial import Trial
from slipway_optimizer.errors import UserError, first_line
from slipway_optimizer.evaluate import Evaluation, Run, ScoreError, drop
from slipway_optimizer.formats.loaded import LoadedModel
from slipway_optimizer.mapped_pages import give_back, is_worth_it
from slipway_optimizer.workshop import Workshop

ORIGINAL: Final = "original"
SECONDS: Final = 5.0
# Where the plain export is served in any case, the figures only have to say what could be.
SECONDS_TO_KNOW: Final = 2.0
FEWEST_SECONDS_A_HEAT: Final = 1.5


@dataclass(frozen=True)
class Outcome:
    """Everything measured: the original, and the trials with the plain export first."""

    reference: Reference
    trials: list[Trial]


def hold_contest(
    shop: Workshop, original: LoadedModel, field: Sequence[Trial], evaluation: Evaluation | None, request: Feeds
) -> Outcome:
    """Time and score everyone.

    Args:
        shop: where the files of the field lie.
        original: the model as it came.
        field: who could be built, and who could not; the plain export comes first.
        evaluation: the metric on the user's data, where there is any.
        request: what is timed.
    """
    trials, reference_latency = _timed(shop, original, field, request)
    scored = _scored(shop, trials, evaluation)
    reference = Reference(
        framework=original.framework,
        size_bytes=original.size_bytes,
        latency=reference_latency,
        score=_reference_score(original, evaluation),
    )
    give_back(shop.inputs.source.path)
    return Outcome(reference, scored)


def _timed(
    shop: Workshop, original: LoadedModel, field: Sequence[Trial], request: Feeds
) -> tuple[list[Trial], Latency | None]:
    """The trials with their times, and the original's time; an ONNX file is its own plain export.

    An original of gigabytes is timed before the others, since nothing is told by comparing it, and both would be in
    memory.
    """
    groups = heats(field)
    wanted = shop.deployment.optimize
    seconds = SECONDS if wanted.evaluate.data or wanted.allow_lossy else SECONDS_TO_KNOW
    pace = Pace(seconds=max(seconds / len(groups), FEWEST_SECONDS_A_HEAT))
    timed: dict[Entry, Trial] = {}
    reference: Latency | None = None
    wants_reference = original.framework == "PyTorch"
    if wants_reference and is_worth_it(shop.inputs.source.path):
        shop.progress.report("Measure", f"Timing the model in {original.framework}")
        alone = measure({ORIGINAL: partial(original.run, request)}, pace)
        reference, wants_reference = alone.latency(ORIGINAL, rows_of(request)), False
        give_back(shop.inputs.source.path)
    for number, group in enumerate(groups):
        names = ", ".join(trial.name for trial in group)
        left = pace.seconds * (len(groups) - number)
        shop.progress.report("Measure", f"Timing {names}", 0.5 * number / len(groups), left)
        beside = {ORIGINAL: original.run} if number == 0 and wants_reference else {}
        trials, rounds = _heat(shop, group, beside, request, pace)
        timed = {**{trial.entry: trial for trial in trials}, **timed}
        if beside:
            reference = rounds.latency(ORIGINAL, rows_of(request))
    return [timed.get(trial.entry, trial) for trial in field], reference


def _heat(
    shop: Workshop, group: Sequence[Trial], beside: Mapping[str, Run], request: Feeds, pace: Pace
) -> tuple[list[Trial], Rounds]:
    """One group, timed; its sessions are gone when it is done."""
    runs: dict[str, Run] = {}
    problems: dict[str, str] = {}
    for trial in group:
        try:
            run = shop.open_as_served(trial.entry).run
            run(request)
        except MemoryError:
            raise
        except Exception as error:
            if trial.entry == PLAIN:
                raise
            problems[trial.name] = first_line(error)
        else:
            runs[trial.name] = run
    rounds = measure({name: partial(run, request) for name, run in {**runs, **beside}.items()}, pace)
    return [_with_times(trial, rounds, request, problems) for trial in group], rounds


def _with_times(trial: Trial, rounds: Rounds, request: Feeds, problems: Mapping[str, str]) -> Trial:
    if trial.name in problems:
        return replace(trial, problem=problems[trial.name])
    latency = rounds.latency(trial.name, rows_of(request))
    return replace(trial, latency=latency, speedup=rounds.speedup(trial.name))


def _scored(shop: Workshop, trials: Sequence[Trial], evaluation: Evaluation | None) -> list[Trial]:
    if evaluation is None:
        return list(trials)
    scores: dict[Entry, float] = {}
    problems: dict[Entry, str] = {}
    able = [trial for trial in trials if trial.problem is None]
    start = time.monotonic()
    for number, trial in enumerate(able):
        left = (time.monotonic() - start) / number * (len(able) - number) if number else None
        shop.progress.report("Measure", f"Scoring {trial.name}", 0.5 + 0.4 * number / len(able), left)
        try:
            scores[trial.entry] = evaluation.score(shop.open_as_served(trial.entry).run)
        except ScoreError as error:
            if trial.entry == PLAIN:
                raise UserError(reasons.METRIC_INVALID, str(error)) from error
            problems[trial.entry] = str(error)
    return [_with_score(shop, trial, scores, problems) for trial in trials]


def _with_score(shop: Workshop, trial: Trial, scores: Mapping[Entry, float], problems: Mapping[Entry, str]) -> Trial:
    if trial.entry not in scores:
        return replace(trial, problem=trial.problem or problems.get(trial.entry))
    score = scores[trial.entry]
    loss = drop(shop.deployment.optimize.evaluate.metric, scores[PLAIN], score)
    return replace(trial, score=score, drop=loss)


def _reference_score(original: LoadedModel, evaluation: Evaluation | None) -> float | None:
    try:
        return evaluation.score(original.run) if evaluation else None
    except ScoreError as error:
        raise UserError(reasons.METRIC_INVALID, str(error)) from error
