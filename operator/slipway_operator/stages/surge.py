"""Rollouts where there is no room for one pod more: then an old pod has to go before its successor can start.

https://github.com/kserve/kserve/issues/4618 is what happens otherwise: the update waits for ever.
"""

from collections.abc import Sequence
from typing import Any

from slipway_operator.stages.pods import find_condition, is_ready
from slipway_operator.state import Object

NO_ROOM = "Insufficient "  # the scheduler's word for a resource that is used up


def has_to_replace_in_place(current: Sequence[Object], old: Sequence[Object]) -> bool:
    """Whether a new pod finds no room, and the place of an old one would do for it.

    A new pod that asks for more than an old one has, or for other nodes, would find no place then either:
    the old pods stay.
    """
    waiting = [pod for pod in current if _finds_no_room(pod)]
    return any(_asks_for_no_more(pod, place) for pod in waiting for place in old if is_ready(place))


def _finds_no_room(pod: Object) -> bool:
    scheduled = find_condition(pod, "PodScheduled") or {}
    return scheduled.get("status") == "False" and NO_ROOM in scheduled.get("message", "")


def _asks_for_no_more(pod: Object, place: Object) -> bool:
    return _demand(pod) == _demand(place)


def _demand(pod: Object) -> dict[str, Any]:
    spec = pod["spec"]
    containers = [*spec.get("initContainers", ()), *spec["containers"]]
    return {
        "resources": {item["name"]: item.get("resources") or {} for item in containers},
        **{key: spec.get(key) for key in ("nodeSelector", "affinity", "tolerations", "runtimeClassName")},
    }
