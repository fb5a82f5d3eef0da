"""Rollouts where there is no room for one pod more: then an old pod has to go before its successor can start.

https://github.com/kserve/kserve/issues/4618 is what happens otherwise: the update waits for ever.
"""

from collections.abc import Sequence
from typing import Any

from slipway_operator.objects.names import TEMPLATE_DIGEST
from slipway_operator.stages.job_result import annotation_of
from slipway_operator.stages.pods import find_condition
from slipway_operator.state import Object

NO_ROOM = "Insufficient "  # the scheduler's word for a resource that is used up
QUOTA = "exceeded quota"  # the API server's, for a pod that a ResourceQuota has no room for


def waits_for_a_place(pods: Sequence[Object], places: Sequence[Object]) -> bool:
    """Whether one of the pods finds no room, and the place of one of `places` would do for it.

    A pod that asks for more than an old one has, or for other nodes, would find no place there either: to stop the
    old one would only lose its capacity.
    """
    waiting = [_demand(pod) for pod in pods if _finds_no_room(pod)]
    return any(_demand(place) in waiting for place in places)


def is_refused_by_quota(replica_sets: Sequence[Object], template_digest: str | None) -> bool:
    """Whether a ResourceQuota has no room for a pod of this template, and the place of a ready one would do for it.

    Templates are compared: a pod that was made has defaults in it.
    """
    wanted = [item for item in replica_sets if _digest_of(item) == template_digest and _hits_quota(item)]
    ready = [item for item in replica_sets if _digest_of(item) != template_digest and _has_ready_pods(item)]
    places = [_demand(item["spec"]["template"]) for item in ready]
    return any(_demand(item["spec"]["template"]) in places for item in wanted)


def _digest_of(replica_set: Object) -> str | None:
    template = (replica_set.get("spec") or {}).get("template") or {"metadata": {}}
    return annotation_of(template, TEMPLATE_DIGEST)


def _hits_quota(replica_set: Object) -> bool:
    failure = find_condition(replica_set, "ReplicaFailure") or {}
    return failure.get("status") == "True" and QUOTA in failure.get("message", "")


def _has_ready_pods(replica_set: Object) -> bool:
    return bool((replica_set.get("status") or {}).get("readyReplicas"))


def _finds_no_room(pod: Object) -> bool:
    scheduled = find_condition(pod, "PodScheduled") or {}
    return scheduled.get("status") == "False" and NO_ROOM in scheduled.get("message", "")


def _demand(pod: Object) -> dict[str, Any]:
    spec = pod["spec"]
    containers = [*spec.get("initContainers", ()), *spec["containers"]]
    return {
        "resources": {item["name"]: item.get("resources") or {} for item in containers},
        **{key: spec.get(key) for key in ("nodeSelector", "affinity", "tolerations", "runtimeClassName")},
    }
