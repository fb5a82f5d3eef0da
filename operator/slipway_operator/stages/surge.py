"""Rollouts where there is no room for one pod more: then an old pod has to go before its successor can start.

https://github.com/kserve/kserve/issues/4618 is what happens otherwise: the update waits for ever.
"""

from collections.abc import Sequence
from typing import Any

from slipway_operator.stages.pods import find_condition
from slipway_operator.state import Object

NO_ROOM = "Insufficient "  # the scheduler's word for a resource that is used up


def waits_for_a_place(pods: Sequence[Object], places: Sequence[Object]) -> bool:
    """Whether one of the pods finds no room, and the place of one of `places` would do for it.

    A pod that asks for more than an old one has, or for other nodes, would find no place there either: to stop the
    old one would only lose its capacity.
    """
    waiting = [_demand(pod) for pod in pods if _finds_no_room(pod)]
    return any(_demand(place) in waiting for place in places)


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
