"""Optimized: the recipe's artifact, and the Jobs that look for its sources and make it where it is not known yet."""

from collections.abc import Sequence

from slipway_operator.api.v1alpha1 import ArtifactStatus, Condition
from slipway_operator.conditions import OPTIMIZED, Reason, build_condition
from slipway_operator.objects.claim import build_claim
from slipway_operator.objects.names import job_name
from slipway_operator.resolution import sources_in_status
from slipway_operator.stages.job_children import has_lost_its_result, makes_way, wanted_children
from slipway_operator.stages.job_result import job_of
from slipway_operator.stages.job_state import JobState, describe_job, not_yet
from slipway_operator.stages.resolve import describe_resolving, resolve_children
from slipway_operator.stages.summary import summarize
from slipway_operator.state import Object, Observed, Plan, Recipe, StageResult


def optimize(observed: Observed, plan: Plan) -> StageResult:
    """A Job runs while the recipe's artifact is unknown; afterwards it stays for its logs, until it is deleted."""
    if _is_pickle_refused(observed, plan):
        return _result(observed, plan, (not_yet(Reason.PICKLE_NOT_ALLOWED, _how_to_allow(plan)), None), [])
    looking = resolve_children(observed, plan)
    if plan.recipe is None:
        return _result(observed, plan, describe_resolving(observed, plan), looking)
    job = job_of(observed, plan.recipe.digest)
    wanted = wanted_children(observed, plan, plan.recipe, job)
    replacing = makes_way(observed, plan, plan.recipe, job, wanted)
    children = [*looking, *([] if replacing else wanted)]
    if plan.is_current and plan.artifact:
        return _result(observed, plan, (_ready(observed, plan, plan.artifact), None), children)
    state = _replaced(observed, plan.recipe, job) if replacing else _unfinished(observed, plan, plan.recipe, job)
    return _result(observed, plan, state, children)


def _result(observed: Observed, plan: Plan, state: JobState, children: Sequence[Object]) -> StageResult:
    condition, running = state
    status = {
        "sources": sources_in_status(observed, plan.resolution),
        "last_checked_at": plan.resolution.last_checked_at,
        "check_failure": plan.resolution.failure_text,
        "optimization": running,
    }
    return StageResult(condition, (*_claim(observed), *children), status)


def _claim(observed: Observed) -> list[Object]:
    if observed.parent.spec.store:
        return []
    return [build_claim(observed.parent, observed.settings, observed.claim)]


def _is_pickle_refused(observed: Observed, plan: Plan) -> bool:
    """An artifact that was made while it was permitted holds no pickle, and is served on."""
    asked = bool(observed.parent.spec.model.allow_pickle)
    return asked and not observed.settings.allow_pickle and not plan.is_current


def _how_to_allow(plan: Plan) -> str:
    serving = " The earlier version keeps serving." if plan.artifact else ""
    return (
        "spec.model.allowPickle asks for a file that runs code of its own when it is loaded, which the administrator "
        "does not permit (chart value optimizer.allowPickle). Save the weights alone (torch.save(model.state_dict(), "
        f"…), format StateDict), or the graph (torch.export.save, format ExportedProgram).{serving}"
    )


def _ready(observed: Observed, plan: Plan, artifact: ArtifactStatus) -> Condition:
    summary = artifact.summary or summarize(artifact, observed.parent.spec.optimize.evaluate.metric)
    message = f"{summary}. {artifact.reason}"
    if plan.resolution.failure_text is None:
        return build_condition(OPTIMIZED, "True", Reason.ARTIFACT_READY, message)
    checked = f"The last look for new bytes failed: {plan.resolution.failure_text}"
    return build_condition(OPTIMIZED, "True", Reason.CHECK_FAILED, f"{message} {checked}")


def _replaced(observed: Observed, recipe: Recipe, job: Object | None) -> JobState:
    name = job_name(observed.name, recipe.digest)
    if job is not None and has_lost_its_result(observed, job):
        why = "its pod was deleted before its result was read"
    else:
        why = "what it was made from has changed, or it is being deleted"
    return not_yet(Reason.JOB_PENDING, f"Job {name} makes way for a new one: {why}."), None


def _unfinished(observed: Observed, plan: Plan, recipe: Recipe, job: Object | None) -> JobState:
    if job is None:
        name = job_name(observed.name, recipe.digest)
        why = "; a pod could not fetch the artifact, and this Job makes it anew" if plan.artifact_is_lost else ""
        return not_yet(Reason.JOB_PENDING, f"Job {name} is being created{why}."), None
    return describe_job(observed, plan, job, running=Reason.OPTIMIZING)
