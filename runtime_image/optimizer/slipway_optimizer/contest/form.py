"""The last step of the contest: the form in which the winner's graph is served, measured as everything else was."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import onnxruntime

from slipway_contract.manifest import Budget, Candidate
from slipway_contract.providers import CPU
from slipway_optimizer.arrays import Feeds
from slipway_optimizer.contest.distance import distance
from slipway_optimizer.contest.entry import PLAIN, Entry
from slipway_optimizer.contest.field import folder_bytes
from slipway_optimizer.contest.form_times import time_forms
from slipway_optimizer.contest.objections import unfit_form
from slipway_optimizer.contest.retell import retell
from slipway_optimizer.contest.trial import Trial
from slipway_optimizer.errors import first_line
from slipway_optimizer.evaluate import Evaluation, drop
from slipway_optimizer.graph import settle
from slipway_optimizer.graph.settle import OWN, Forms, write_forms
from slipway_optimizer.onnx_session import OnnxSession
from slipway_optimizer.verify import Answer, measure_parity
from slipway_optimizer.workshop import Workshop


@dataclass(frozen=True)
class Judges:
    """What a form is held against.

    Attributes:
        request: what is timed.
        answers: requests, and what the model in its own framework says to them.
        rows: requests of the user's data, where there is any.
        evaluation: the metric on the user's data, where there is any.
        budget: what was asked for.
    """

    request: Feeds
    answers: Sequence[Answer]
    rows: Sequence[Feeds]
    evaluation: Evaluation | None
    budget: Budget


def settle_served(
    shop: Workshop, served: Entry, trials: Sequence[Trial], candidates: Sequence[Candidate], judges: Judges
) -> list[Candidate]:
    """Serve the chosen candidate in another form where that is surely better and holds the budget.

    What is said of it is then measured again, on the file that is served. On other execution providers ONNX Runtime's
    passes differ, and their own compilers do the work.
    """
    if (served.execution_provider or shop.provider) != CPU:
        return list(candidates)
    shop.progress.report("Measure", f"Rewriting the graph of {served.name}", 0.85)
    model, budget = shop.file(served), judges.budget
    most_bytes = folder_bytes(model.parent) if budget.objective == "Size" else budget.max_size_bytes
    requests = [judges.request, *judges.rows, *(answer.feeds for answer in judges.answers)]
    forms = write_forms(model, requests, shop.outputs, shop.threads, shop.folder / "forms", most_bytes=most_bytes)
    own = next(trial for trial in trials if trial.entry == served)
    taken, graph = _settled(shop, own, trials[0], forms, judges) if forms.files else (None, {"form": OWN})
    if forms.tried:
        graph = {**graph, "tried": forms.tried}
    if taken is not None:
        _replace(forms.files[graph["form"]], model)
    told = replace(taken or own, details={**own.details, "graph": graph})
    return retell(candidates, trials[0], told, budget, graph["form"] if taken else None)


def _settled(
    shop: Workshop, own: Trial, baseline: Trial, forms: Forms, judges: Judges
) -> tuple[Trial | None, dict[str, Any]]:
    """What was measured of the form that is taken, or None for the model's own; and facts for the details."""
    model, plain = shop.file(own.entry), shop.file(PLAIN)
    times = time_forms({OWN: model, **forms.files}, None if own.entry == PLAIN else plain, judges.request, shop)
    facts: dict[str, Any] = {"form": OWN, "figures": times.facts()}
    best = settle.choose_form(times.figures)
    if best == OWN:
        return None, facts
    timed = replace(
        own,
        size_bytes=folder_bytes(forms.files[best].parent),
        latency=times.latency(best, judges.request),
        speedup=times.over_baseline(best),
    )
    trial = _checked(shop, timed, baseline, forms.files[best], judges)
    against = unfit_form(trial, baseline, judges.budget)
    if against is not None:
        forms.tried[best] = against
        return None, facts
    made_for = {"executionProvider": CPU, "onnxruntime": onnxruntime.__version__}
    return trial, {**facts, "form": best, **made_for, "asExported": _as_exported(own)}


def _checked(shop: Workshop, timed: Trial, baseline: Trial, form: Path, judges: Judges) -> Trial:
    """With differences and score, as for every candidate."""
    try:
        known = _known(shop, timed.entry, judges.rows)
        run = OnnxSession(form, shop.outputs, shop.threads).run
        parity = measure_parity(run, judges.answers)
        error = distance(run, known) if known else parity.relative
        timed = replace(timed, max_abs_diff=parity.max_abs_diff, relative_error=error)
        if judges.evaluation is None or baseline.score is None:
            return timed
        score = judges.evaluation.score(run)
    except MemoryError:
        raise
    except Exception as problem:
        return replace(timed, problem=first_line(problem))
    return replace(timed, score=score, drop=drop(shop.deployment.optimize.evaluate.metric, baseline.score, score))


def _known(shop: Workshop, entry: Entry, rows: Sequence[Feeds]) -> list[tuple[Feeds, list[Any]]]:
    """Answers of the plain export that it was made from; its session is gone before the next is opened."""
    if not rows:
        return []
    run = shop.open(Entry(PLAIN.variant, entry.derivation)).run
    return [(feeds, run(feeds)) for feeds in rows]


def _as_exported(own: Trial) -> dict[str, Any]:
    """What was measured of the model's own form."""
    latency = own.latency.p50_us if own.latency else None
    known = {"sizeBytes": own.size_bytes, "latencyUs": latency, "score": own.score}
    return {name: value for name, value in known.items() if value is not None}


def _replace(form: Path, model: Path) -> None:
    """With all that lies beside each: weights of the model's own, in a file or folder of any name, are in the form."""
    folder = model.parent
    shutil.rmtree(folder)
    folder.mkdir()
    for path in form.parent.iterdir():
        shutil.move(path, folder / path.name)
