"""The field: who takes part. Every variant of every exported model is built and compared with what it came from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from slipway_contract.manifest import Derivation, Exporter
from slipway_optimizer.arrays import Feeds
from slipway_optimizer.contest.distance import Known, distance
from slipway_optimizer.contest.entry import PLAIN, Entry
from slipway_optimizer.contest.quantizing import Quantizing
from slipway_optimizer.contest.trial import Trial
from slipway_optimizer.errors import first_line
from slipway_optimizer.quantize import build_variant, variants_to_try
from slipway_optimizer.verify import Answer, Parity, measure_parity
from slipway_optimizer.workshop import Workshop

# Three derivations of the original, each in five variants: more is a defect, not a wish.
MOST_ENTRIES: Final = 20
# JSON knows no infinity, and no NaN.
MOST_ERROR: Final = 1e6


@dataclass(frozen=True)
class Exported:
    """A model whose plain export was verified and lies in the workshop, or the sentence why it has none.

    Attributes:
        derivation: what was done to the weights.
        answers: requests and what the model in its own framework says to them.
        parity: how far the plain export is from that.
        facts: how it was derived.
        exporter: what wrote the plain export, and why that.
        problem: why it takes no part.
    """

    derivation: Derivation
    answers: Sequence[Answer] = ()
    parity: Parity | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    exporter: Exporter | None = None
    problem: str | None = None


def build_field(
    shop: Workshop, models: Sequence[Exported], quantizing: Quantizing, rows: Sequence[Feeds] = ()
) -> list[Trial]:
    """Build every variant of every model; the first trial is the plain export of the original.

    Args:
        shop: where the plain exports lie.
        models: what was exported.
        quantizing: what the quantizers work with.
        rows: requests of the user's data, on which variants are compared with the plain export.
    """
    variants = variants_to_try(shop.deployment.optimize.quantize.mode)
    trials = [_plain(shop, model) for model in models]
    wanted = [(model, variant) for model in models if model.parity for variant in variants][
        : MOST_ENTRIES - len(models)
    ]
    known: dict[Derivation, Known] = {}
    for number, (model, variant) in enumerate(wanted):
        entry = Entry(variant, model.derivation)
        shop.progress.report("Quantize", f"Building {entry.name}", number / len(wanted))
        if model.derivation not in known:
            run = shop.open(Entry(PLAIN.variant, model.derivation)).run
            known[model.derivation] = [(feeds, run(feeds)) for feeds in rows]
        trials.append(_lossy(shop, entry, model, quantizing, known[model.derivation]))
    return trials


def _plain(shop: Workshop, model: Exported) -> Trial:
    entry = Entry(PLAIN.variant, model.derivation)
    if model.parity is None:
        return Trial(entry, details=model.facts, problem=model.problem)
    return Trial(
        entry,
        size_bytes=folder_bytes(shop.file(entry).parent),
        max_abs_diff=model.parity.max_abs_diff,
        relative_error=model.parity.relative,
        details=model.facts,
    )


def _lossy(shop: Workshop, entry: Entry, model: Exported, quantizing: Quantizing, known: Known) -> Trial:
    """A variant, built and tried; whatever goes wrong means that this model does not allow it."""
    source = Entry(PLAIN.variant, entry.derivation)
    details = dict(model.facts)
    try:
        context = quantizing.context(shop, source)
        details |= build_variant(entry.variant, shop.file(source), shop.file(entry), context)
        run = shop.open(entry).run
        parity = measure_parity(run, model.answers)
        error = distance(run, known) if known else parity.relative
        details["relativeError"] = round(error, 6) if error < MOST_ERROR else MOST_ERROR
    except MemoryError:
        raise
    except Exception as problem:
        return Trial(entry, details=details, problem=first_line(problem))
    return Trial(
        entry,
        size_bytes=folder_bytes(shop.file(entry).parent),
        max_abs_diff=parity.max_abs_diff,
        relative_error=error,
        details=details,
    )


def folder_bytes(folder: Path) -> int:
    """Of everything that serving needs."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
