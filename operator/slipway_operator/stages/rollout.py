"""How far the serving pods are: does the endpoint answer, and is it the present generation that does?

Available is True whenever a ready pod answers. Its reason is Serving (and the model Ready) only when a pod of the
present pod template does and none of an earlier one is left, not even one that is ending: it answers for some seconds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from slipway_operator.api.v1alpha1 import Condition
from slipway_operator.conditions import AVAILABLE, Reason, build_condition
from slipway_operator.objects.names import ARTIFACT_DIGEST, RECIPE_DIGEST, TEMPLATE_DIGEST
from slipway_operator.ownership import is_deleting
from slipway_operator.stages.job_result import annotation_of
from slipway_operator.stages.pods import (
    Problem,
    find_condition,
    find_problem,
    has_stopped,
    is_ready,
    may_still_answer,
    name_of,
)
from slipway_operator.stages.store_loss import how_to_make_anew
from slipway_operator.stages.surge import is_refused_by_quota, waits_for_a_place
from slipway_operator.state import Object, Observed

CPU_PROVIDER = "CPUExecutionProvider"


@dataclass(frozen=True)
class Rollout:
    """The serving pods, sorted by name, as seen from the pod template that is wanted now.

    Attributes:
        wanted: the Deployment as it is to be.
        deployment: the Deployment as it is.
        current: pods of the wanted template.
        stopped: pods of the wanted template that ended for good, as an evicted one does; others take their place.
        old: pods of any other template.
        leaving: pods that are being deleted.
        ending: those of them that are of another template and may still answer.
        replica_sets: which say what a quota or a policy refuses.
    """

    wanted: Mapping[str, Any]
    deployment: Object | None
    current: Sequence[Object]
    stopped: Sequence[Object]
    old: Sequence[Object]
    leaving: Sequence[Object]
    ending: Sequence[Object]
    replica_sets: Sequence[Object]

    @property
    def ready(self) -> int:
        return sum(is_ready(pod) for pod in self.current)

    @property
    def old_ready(self) -> int:
        return sum(is_ready(pod) for pod in self.old)

    @property
    def desired(self) -> int:
        sent = self.wanted["spec"].get("replicas")
        return int(sent if sent is not None else (self.deployment or self.wanted)["spec"].get("replicas", 1))

    @property
    def has_to_replace_in_place(self) -> bool:
        ready = [pod for pod in self.old if is_ready(pod)]
        in_quota = bool(ready) and is_refused_by_quota(self.replica_sets, _template_digest(self.wanted))
        return in_quota or waits_for_a_place(self.current, ready)

    @property
    def is_making_room(self) -> bool:
        return self.has_to_replace_in_place or waits_for_a_place(self.current, self.leaving)

    @property
    def is_applied(self) -> bool:
        """Whether the Deployment has the wanted template.

        Its status.observedGeneration says nothing more: pods prove themselves by their own digest, and it lags for a
        moment whenever the autoscaler changes the number of replicas.
        """
        return self.deployment is not None and _template_digest(self.deployment) == _template_digest(self.wanted)


def read_rollout(observed: Observed, wanted: Mapping[str, Any]) -> Rollout:
    digest = _template_digest(wanted)
    everything = sorted(observed.serving_pods, key=name_of)
    pods = [pod for pod in everything if not is_deleting(pod)]
    leaving = [pod for pod in everything if is_deleting(pod)]
    current = [pod for pod in pods if _template_digest(pod) == digest]
    return Rollout(
        wanted=wanted,
        deployment=observed.deployment,
        current=[pod for pod in current if not has_stopped(pod)],
        stopped=[pod for pod in current if has_stopped(pod)],
        old=[pod for pod in pods if _template_digest(pod) != digest and not has_stopped(pod)],
        leaving=leaving,
        ending=[pod for pod in leaving if _template_digest(pod) != digest and may_still_answer(pod, observed.now)],
        replica_sets=observed.replica_sets,
    )


def describe_rollout(observed: Observed, rollout: Rollout, provider: str | None) -> Condition:
    if rollout.desired == 0 and not rollout.ready and not rollout.old_ready:
        message = "spec.scale.replicas is 0: nothing answers requests."
        return build_condition(AVAILABLE, "False", Reason.SCALED_TO_ZERO, message)
    problem = _find_problem(observed, rollout)
    if rollout.is_applied and rollout.ready and not rollout.old and not rollout.ending:
        return _serving(observed, rollout, provider, problem)
    return _in_progress(rollout, problem)


def _template_digest(item: Object) -> str | None:
    return annotation_of(item, TEMPLATE_DIGEST)


def _find_problem(observed: Observed, rollout: Rollout) -> Problem | None:
    """What keeps current pods from being made, or from being ready."""
    if refused := _refusal(observed):
        return refused
    waiting = [pod for pod in rollout.current if not is_ready(pod)]
    stopped = () if rollout.ready else rollout.stopped
    problem = next((problem for pod in (*waiting, *stopped) if (problem := find_problem(pod))), None)
    if problem is None or problem.reason != Reason.FETCH_FAILED:
        return problem
    advice = how_to_make_anew(observed, str(annotation_of(rollout.wanted, RECIPE_DIGEST)))
    return replace(problem, message=problem.message + advice)


def _refusal(observed: Observed) -> Problem | None:
    """Why pods could not even be created: a quota, Pod Security, a webhook."""
    for item in (*([observed.deployment] if observed.deployment else []), *observed.replica_sets):
        condition = find_condition(item, "ReplicaFailure")
        if condition and condition["status"] == "True":
            return Problem(Reason.REPLICA_FAILURE, f"Pods cannot be created: {condition.get('message', '')}")
    return None


def _serving(observed: Observed, rollout: Rollout, provider: str | None, problem: Problem | None) -> Condition:
    message = f"{rollout.ready} of {rollout.desired} replicas ready"
    message += f", on {provider}." if provider else "."
    if problem:
        message += f" {problem.message}"
    accelerator = observed.parent.spec.serve.accelerator
    if accelerator.count == 0 or provider != CPU_PROVIDER:
        return build_condition(AVAILABLE, "True", Reason.SERVING, message)
    message += (
        f" Each replica holds {accelerator.count} {accelerator.resource}, but ONNX Runtime cannot use it and runs on "
        "the CPU: check the node's driver and the serving image, or set spec.serve.accelerator.count to 0."
    )
    return build_condition(AVAILABLE, "True", Reason.SERVING_ON_CPU, message)


def _in_progress(rollout: Rollout, problem: Problem | None) -> Condition:
    answers = rollout.ready + rollout.old_ready > 0
    if problem is None or rollout.is_making_room:
        problem = Problem(Reason.ROLLOUT_IN_PROGRESS, _progress(rollout))
    message = problem.message
    if rollout.old_ready:
        message += f" Pods of the earlier version{_their_artifact(rollout)} still answer: {rollout.old_ready} ready."
    elif rollout.ending:
        message += f" Pods of the earlier version are ending, and may still answer: {len(rollout.ending)}."
    return build_condition(AVAILABLE, "True" if answers else "False", problem.reason, message)


def _progress(rollout: Rollout) -> str:
    if not rollout.is_applied:
        return "The Deployment is being brought up to date."
    progress = f"{rollout.ready} of {rollout.desired} replicas of the present version are ready."
    if not rollout.is_making_room:
        return progress
    return f"{progress} There is no room for one pod more: an old pod goes before its successor starts."


def _their_artifact(rollout: Rollout) -> str:
    wanted = annotation_of(rollout.wanted, ARTIFACT_DIGEST)
    digests = {annotation_of(pod, ARTIFACT_DIGEST) for pod in rollout.old if is_ready(pod)}
    return " (with the same artifact)" if digests == {wanted} else ""
