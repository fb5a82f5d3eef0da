"""THE PAGE: how a ModelDeployment becomes its children and its status.

observe (I/O) -> reconcile (here, pure) -> apply (I/O). Every stage runs on every pass; each one answers with
one condition and with all children that should exist because of it. What no stage wants is deleted.
"""

from slipway_operator.api.v1alpha1 import ModelDeploymentStatus
from slipway_operator.conditions import merge_conditions, ready_condition, transitions
from slipway_operator.plan import plan_artifact
from slipway_operator.resolution import news_of
from slipway_operator.stages.optimize import optimize
from slipway_operator.stages.scale import scale
from slipway_operator.stages.serve import serve
from slipway_operator.state import Observed, Outcome, Stage

STAGES: tuple[Stage, ...] = (optimize, serve, scale)


def reconcile(observed: Observed) -> Outcome:
    """Decide what should exist, and say what is."""
    plan = plan_artifact(observed)
    results = [stage(observed, plan) for stage in STAGES]

    stage_conditions = [result.condition for result in results]
    before = observed.parent.status.conditions
    conditions = merge_conditions(
        before,
        [*stage_conditions, ready_condition(stage_conditions)],
        generation=observed.generation,
        now=observed.now,
    )
    fields = {name: value for result in results for name, value in result.status.items()}
    status = ModelDeploymentStatus(
        observed_generation=observed.generation,
        conditions=conditions,
        artifact=plan.artifact,
        artifact_history=list(plan.artifact_history),
        **fields,
    )
    return Outcome(
        children=tuple(child for result in results for child in result.children),
        status=status.model_dump(by_alias=True, exclude_none=True),
        events=(*news_of(observed.parent.status.sources, status.sources), *transitions(before, conditions)),
        next_pass_at=plan.resolution.next_check_at,
    )
