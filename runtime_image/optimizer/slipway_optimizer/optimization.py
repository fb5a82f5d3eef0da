"""The page that the heavy half serves: load, derive, export, verify, build, measure, choose, prove."""

from pathlib import Path

from slipway_contract.manifest import Budget, Candidate
from slipway_optimizer import reasons
from slipway_optimizer.assembly import Findings, assemble
from slipway_optimizer.axes import AxisPlan
from slipway_optimizer.contest.choose import BudgetNotMetError, choose
from slipway_optimizer.contest.contest import Outcome, hold_contest
from slipway_optimizer.contest.distance import sample_rows
from slipway_optimizer.contest.entry import Entry
from slipway_optimizer.contest.field import build_field
from slipway_optimizer.contest.form import Judges, settle_served
from slipway_optimizer.contest.quantizing import Quantizing, calibration_rows, given_calibration
from slipway_optimizer.contest.request import typical
from slipway_optimizer.contest.serving import measure_serving, widest
from slipway_optimizer.contest.tensorrt import engine_trials
from slipway_optimizer.data import Dataset, read_data
from slipway_optimizer.derive.derived import Derived
from slipway_optimizer.errors import UserError
from slipway_optimizer.evaluate import Evaluation, ScoreError, prepare_evaluation
from slipway_optimizer.exporting import export_all
from slipway_optimizer.formats.load import load_model
from slipway_optimizer.formats.loaded import LoadedModel
from slipway_optimizer.requests import plan_requests
from slipway_optimizer.samples import Sampler
from slipway_optimizer.torch_globals import own_torch_globals
from slipway_optimizer.workshop import Workshop


def optimize(shop: Workshop, recipe_digest: str) -> Path:
    """Run every step, and return the folder of a finished artifact.

    Raises:
        UserError: the model, its spec or its data is at fault, or nothing holds the budget.
    """
    original = _load(shop)
    data = read_data(shop.inputs.data, shop.spec.inputs) if shop.inputs.data else None
    _rehearse(_evaluation(shop, original, data))
    given = given_calibration(shop, data)
    sampler, plan = plan_requests(shop, original)
    derived = _derive(shop, original, sampler, plan, data)
    exported = export_all(shop, original, derived, sampler, plan)
    calibration, scored = calibration_rows(shop, data, given)
    evaluation = _evaluation(shop, original, scored)
    budget = _budget(shop, has_data=data is not None)
    request = typical(data) if data else sampler.draw(plan.small, seed=0)
    field = build_field(shop, exported, Quantizing(calibration, evaluation, request), sample_rows(scored))
    field += engine_trials(shop, exported)
    timed = widest(shop, request, budget) if budget.objective == "Throughput" else request
    outcome = hold_contest(shop, original, field, evaluation, timed)
    candidates = _choose(shop, outcome, budget)
    served = _served(candidates)
    answers = next(model.answers for model in exported if model.derivation == served.derivation)
    judges = Judges(timed, answers, sample_rows(scored), evaluation, budget)
    candidates = settle_served(shop, served, outcome.trials, candidates, judges)
    serving = measure_serving(shop, served, request, budget)
    exporter = next(model.exporter for model in exported if model.derivation == served.derivation)
    findings = Findings(outcome.reference, candidates, serving, budget, exporter, recipe_digest)
    return assemble(shop, served, findings, sampler, plan)


def _load(shop: Workshop) -> LoadedModel:
    shop.progress.report("Load", f"Loading {shop.inputs.source.name}")
    with own_torch_globals(shop.threads):
        return load_model(shop.spec, shop.inputs.source.path, shop.inputs.code)


def _evaluation(shop: Workshop, original: LoadedModel, data: Dataset | None) -> Evaluation | None:
    if data is None:
        return None
    wanted = shop.deployment.optimize.evaluate
    return prepare_evaluation(wanted, data, shop.outputs, original.run, shop.inputs.code)


def _rehearse(evaluation: Evaluation | None) -> None:
    """Early, because what is wrong with labels or a metric should not show after hours of training."""
    try:
        if evaluation is not None:
            evaluation.rehearse()
    except ScoreError as error:
        raise UserError(reasons.METRIC_INVALID, str(error)) from error


def _derive(
    shop: Workshop, original: LoadedModel, sampler: Sampler, plan: AxisPlan, data: Dataset | None
) -> list[Derived]:
    wanted = shop.deployment.optimize
    if wanted.prune is None and wanted.distill is None:
        return []
    # What only few Jobs need takes its time to import.
    from slipway_optimizer.derive.steps import derive  # noqa: PLC0415

    return derive(shop, original, sampler, plan, data)


def _budget(shop: Workshop, *, has_data: bool) -> Budget:
    wanted = shop.deployment.optimize.evaluate
    return Budget(
        objective=wanted.objective,
        metric=wanted.metric if has_data else None,
        max_drop=wanted.max_drop,
        min_speedup=wanted.min_speedup,
        max_size_bytes=wanted.max_size_bytes,
        max_latency_us=wanted.max_latency_us,
    )


def _choose(shop: Workshop, outcome: Outcome, budget: Budget) -> list[Candidate]:
    try:
        return choose(outcome.trials, budget, allow_lossy=shop.deployment.optimize.allow_lossy)
    except BudgetNotMetError as error:
        raise UserError(reasons.BUDGET_NOT_MET, str(error)) from error


def _served(candidates: list[Candidate]) -> Entry:
    chosen = next(candidate for candidate in candidates if candidate.chosen)
    return Entry(chosen.variant, chosen.derivation, chosen.execution_provider)
