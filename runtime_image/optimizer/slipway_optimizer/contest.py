"""The contest: build the variants that the spec allows, and measure each beside the plain export and the original."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from slipway_contract.manifest import Latency, Reference, Variant
from slipway_optimizer.arrays import Array, Feeds
from slipway_optimizer.choose import Trial, failed_trial
from slipway_optimizer.errors import first_line
from slipway_optimizer.evaluate import EvaluationData, Run, accuracy, predict
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
    shop: Workshop, original: LoadedModel, answers: Sequence[Answer], data: EvaluationData | None, request: Feeds
) -> Outcome:
    """Build, try and time every variant.

    Args:
        shop: where the plain export lies already.
        original: the model as it came.
        answers: requests and the original's answers, for parity.
        data: for the metric, where the user gave any.
        request: what is timed; its first axis is the batch.
    """
    runs, trials = _build(shop, answers)
    shop.progress.report("Measure", f"Timing {', '.join(runs)} and {original.framework}")
    latencies = _time(runs, original, request)
    if data is not None:
        shop.progress.report("Measure", f"Scoring on {sum(len(_first(chunk)) for chunk in data.chunks):,} rows", 0.5)
    truth = _truth(original, data)
    trials = [
        replace(trial, latency=latencies.get(trial.variant), score=_score(runs.get(trial.variant), data, truth))
        for trial in trials
    ]
    reference = Reference(
        framework=original.framework,
        size_bytes=original.size_bytes,
        latency=latencies.get(ORIGINAL),
        score=_score(original.run, data, truth),
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


def _truth(original: LoadedModel, data: EvaluationData | None) -> Array | None:
    """The labels, or what the original model says where there are none."""
    if data is None:
        return None
    return data.labels if data.labels is not None else predict(original.run, data)


def _score(run: Run | None, data: EvaluationData | None, truth: Array | None) -> float | None:
    if run is None or data is None or truth is None:
        return None
    return accuracy(predict(run, data), truth)


def _size(shop: Workshop, variant: Variant) -> int:
    return sum(path.stat().st_size for path in shop.file(variant).parent.iterdir())


def _first(feeds: Feeds) -> Array:
    return next(iter(feeds.values()))
