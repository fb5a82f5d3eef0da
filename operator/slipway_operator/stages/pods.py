"""What a pod's status says: whether it is ready, and else the first thing that is in its way."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from slipway_operator.conditions import Reason
from slipway_operator.objects.deployment import FETCH
from slipway_operator.ownership import is_deleting
from slipway_operator.stages.log_tail import readable_tail
from slipway_operator.state import Object

IMAGE_PULL_REASONS = frozenset(
    {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError"}
)
CONFIG_REASONS = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})
CRASH_REASON = "CrashLoopBackOff"
OOM_REASON = "OOMKilled"


@dataclass(frozen=True)
class Problem:
    """What is in a pod's way, with the pod's name in the message."""

    reason: Reason
    message: str


def name_of(item: Object) -> str:
    return str(item["metadata"]["name"])


def find_condition(item: Object, type_: str) -> Mapping[str, Any] | None:
    """A condition in the status of any Kubernetes object."""
    conditions = (item.get("status") or {}).get("conditions") or ()
    return next((condition for condition in conditions if condition["type"] == type_), None)


def has_condition(item: Object, type_: str) -> bool:
    condition = find_condition(item, type_)
    return condition is not None and condition["status"] == "True"


def is_ready(pod: Object) -> bool:
    return not is_deleting(pod) and has_condition(pod, "Ready")


def may_still_answer(leaving: Object, now: str) -> bool:
    """Whether a pod that is being deleted has a server yet: it drains, until its grace period is over at the latest."""
    running = any("running" in (status.get("state") or {}) for status in container_statuses(leaving))
    return running and now < str(leaving["metadata"]["deletionTimestamp"])


def has_stopped(pod: Object) -> bool:
    """Whether the pod ended for good: evicted, refused by its kubelet, or lost with its node."""
    return (pod.get("status") or {}).get("phase") in ("Failed", "Succeeded")


def container_statuses(pod: Object) -> list[Mapping[str, Any]]:
    status = pod.get("status") or {}
    return [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]


def terminated_state(status: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """How the container ended, now or the last time."""
    for state in (status.get("state"), status.get("lastState")):
        if state and state.get("terminated"):
            terminated: Mapping[str, Any] = state["terminated"]
            return terminated
    return None


def memory_limit(pod: Object, container: str) -> str:
    """The container's memory limit, in words."""
    spec = pod.get("spec") or {}
    for item in [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]:
        limit = ((item.get("resources") or {}).get("limits") or {}).get("memory")
        if item["name"] == container and limit:
            return f"its limit of {limit}"
    return "the memory of its node (it has no limit of its own)"


def find_problem(pod: Object) -> Problem | None:
    """The first thing in the pod's way: no node, no image, no configuration, or a container that ends."""
    problems = (_container_problem(pod, status) for status in container_statuses(pod))
    return _scheduling_problem(pod) or _stop_problem(pod) or next((problem for problem in problems if problem), None)


def _scheduling_problem(pod: Object) -> Problem | None:
    scheduled = find_condition(pod, "PodScheduled")
    if scheduled is None or scheduled["status"] == "True" or not scheduled.get("message"):
        return None
    return Problem(Reason.UNSCHEDULABLE, f"Pod {name_of(pod)} has no node: {scheduled['message']}")


def _stop_problem(pod: Object) -> Problem | None:
    status = pod.get("status") or {}
    if not has_stopped(pod) or not status.get("reason"):
        return None
    return Problem(
        Reason.START_FAILED, f"Pod {name_of(pod)} was stopped: {status['reason']}: {status.get('message', '')}"
    )


def _container_problem(pod: Object, status: Mapping[str, Any]) -> Problem | None:
    waiting = (status.get("state") or {}).get("waiting") or {}
    reason = waiting.get("reason", "")
    where = f"Pod {name_of(pod)}, container {status['name']}"
    if reason in IMAGE_PULL_REASONS:
        return Problem(Reason.IMAGE_PULL_FAILED, f"{where}: {reason}: {waiting.get('message') or status.get('image')}")
    if reason in CONFIG_REASONS:
        return Problem(Reason.START_FAILED, f"{where}: {reason}: {waiting.get('message', '')}")
    terminated = terminated_state(status)
    if terminated is None or status.get("ready") or (terminated["exitCode"] == 0 and reason != CRASH_REASON):
        return None
    return _end_problem(pod, status, terminated)


def _end_problem(pod: Object, status: Mapping[str, Any], terminated: Mapping[str, Any]) -> Problem:
    container = str(status["name"])
    where = f"Pod {name_of(pod)}, container {container}"
    message = readable_tail(str(terminated.get("message") or ""))
    if terminated.get("reason") == OOM_REASON:
        limit = memory_limit(pod, container)
        return Problem(
            Reason.OUT_OF_MEMORY, f"{where} used more memory than {limit}: raise its resources.limits.memory."
        )
    if container == FETCH:
        return Problem(Reason.FETCH_FAILED, f"{where}: {message or _exit_text(status, terminated)}")
    if message:
        return Problem(Reason.START_FAILED, f"{where}: {message}")
    logs = f"kubectl -n {pod['metadata']['namespace']} logs {name_of(pod)} -c {container} --previous"
    return Problem(Reason.CRASH_LOOP, f"{where}: {_exit_text(status, terminated)}; see: {logs}")


def _exit_text(status: Mapping[str, Any], terminated: Mapping[str, Any]) -> str:
    return f"ended with exit code {terminated['exitCode']}, {status.get('restartCount', 0)} restarts"
