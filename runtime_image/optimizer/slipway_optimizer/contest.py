"""The contest: build the variants that the spec allows, and measure each beside the plain export and the original."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from slipway_contract.manifest import Latency, Reference, Variant
from slipway_optimizer import reasons
from slipway_optimizer.arrays import Array, Feeds
from slipway_optimizer.choose import Trial, failed_trial
from slipway_optimizer.errors import UserError, first_line
from slipway_optimizer.evaluate import Evaluation, Run, ScoreError
from slipway_optimizer.formats.loaded import LoadedModel
from slipway_optimizer.measure import measure
from slipway_optimizer.quantize import build_variant, variants_to_try
from slipway_optimizer.verify import Answer, measure_parity
from slipway_optimizer.workshop import Workshop

PLAIN: Final[Variant] = "FP32"
ORIGINAL: Final = "original"


@dataclass(frozen=True)
class Outcome:
    """Everything measured: the original, and one trial a variant with the plain export first."""

    reference: Reference
    trials: list[Trial]


def hold_contest(
    shop: Workshop, original: LoadedModel, answers: Sequence[Answer], evaluation: Evaluation | None, request: Feeds
) -> Outcome:
    """Build, try and time every variant.

    Args:
        shop: where the plain export lies already.
        original: the model as it came.
        answers: requests and the original's answers, for parity.
        evaluation: the metric on the user's data, where there is any.
        request: what is timed; its first axis is the batch.
    """
    runs, trials = _build(shop, answers)
    shop.progress.report("Measure", f"Timing {', '.join(runs)} and {original.framework}")
    latencies = _time(runs, original, request)
    if evaluation is not None:
        shop.progress.report("Measure", "Scoring on the evaluation data", 0.5)
    trials = [_scored(replace(trial, latency=latencies.get(trial.variant)), runs, evaluation) for trial in trials]
    reference = Reference(
        framework=original.framework,
        size_bytes=original.size_bytes,
        latency=latencies.get(ORIGINAL),
        score=_reference_score(original, evaluation),
    )
    return Outcome(reference, trials)


def _build(shop: Workshop, answers: Sequence[Answer]) -> tuple[dict[Variant, Run], list[Trial]]:
    runs: dict[Variant, Run] = {}
    trials: list[Trial] = []
    tried = variants_to_try(shop.deployment.optimize.quantize.mode)
    for number, variant in enumerate((PLAIN, *tried)):
        if variant != PLAIN:
            shop.progress.report("Quantize", f"Building {variant}", (number - 1) / len(tried))
        try:
            if variant != PLAIN:
                build_variant(variant, shop.file(PLAIN), shop.file(variant))
            run = shop.open(variant).run
            parity = measure_parity(run, answers)
        except MemoryError:
            raise
        except Exception as error:
            if variant == PLAIN:
                raise
            trials.append(failed_trial(variant, first_line(error)))
            continue
        runs[variant] = run
        trials.append(
            Trial(
                variant,
                size_bytes=_size(shop, variant),
                max_abs_diff=parity.max_abs_diff,
                relative_error=parity.relative,
            )
        )
    return runs, trials


def _time(runs: dict[Variant, Run], original: LoadedModel, request: Feeds) -> dict[str, Latency]:
    models: dict[str, Run] = {str(variant): run for variant, run in runs.items()}
    if original.framework == "PyTorch":
        models[ORIGINAL] = original.run
    shape = _first(request).shape
    return measure({name: partial(run, request) for name, run in models.items()}, batch_size=shape[0] if shape else 1)


def _scored(trial: Trial, runs: dict[Variant, Run], evaluation: Evaluation | None) -> Trial:
    run = runs.get(trial.variant)
    if run is None or evaluation is None:
        return trial
    try:
        return replace(trial, score=evaluation.score(run))
    except ScoreError as error:
        if trial.variant == PLAIN:
            raise UserError(reasons.METRIC_INVALID, str(error)) from error
        return failed_trial(trial.variant, str(error))


def _reference_score(original: LoadedModel, evaluation: Evaluation | None) -> float | None:
    try:
        return evaluation.score(original.run) if evaluation else None
    except ScoreError as error:
        raise UserError(reasons.METRIC_INVALID, str(error)) from error


def _size(shop: Workshop, variant: Variant) -> int:
    return sum(path.stat().st_size for path in shop.file(variant).parent.iterdir())


def _first(feeds: Feeds) -> Array:
    return next(iter(feeds.values()))
