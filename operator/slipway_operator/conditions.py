"""Conditions: every reason of ours, how they are merged into the status, and which Events their changes make."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Literal

from slipway_operator.api.v1alpha1 import Condition
from slipway_operator.state import Event

OPTIMIZED = "Optimized"
AVAILABLE = "Available"
SCALING = "Scaling"
READY = "Ready"

MESSAGE_LIMIT = 1500
EVENT_MESSAGE_LIMIT = 1000  # events.k8s.io refuses a note of 1 kB or more

ConditionStatus = Literal["True", "False", "Unknown"]


class Reason(StrEnum):
    """Beside these, Optimized carries the optimizer's own reasons, as they are in its result."""

    RESOLVING = "Resolving"
    PICKLE_NOT_ALLOWED = "PickleNotAllowed"
    ARTIFACT_READY = "ArtifactReady"
    CHECK_FAILED = "CheckFailed"
    JOB_PENDING = "JobPending"
    OPTIMIZING = "Optimizing"
    JOB_RETRYING = "JobRetrying"
    JOB_FAILED = "JobFailed"
    RESULT_UNREADABLE = "ResultUnreadable"
    OUT_OF_MEMORY = "OutOfMemory"
    DEADLINE_EXCEEDED = "DeadlineExceeded"
    WAITING_FOR_ACCELERATOR = "WaitingForAccelerator"

    WAITING_FOR_ARTIFACT = "WaitingForArtifact"
    SERVING = "Serving"
    SERVING_ON_CPU = "ServingOnCPU"
    ROLLOUT_IN_PROGRESS = "RolloutInProgress"
    SCALED_TO_ZERO = "ScaledToZero"
    UNSCHEDULABLE = "Unschedulable"
    IMAGE_PULL_FAILED = "ImagePullFailed"
    FETCH_FAILED = "FetchFailed"
    START_FAILED = "StartFailed"
    CRASH_LOOP = "CrashLoop"
    REPLICA_FAILURE = "ReplicaFailure"

    FIXED = "Fixed"
    AUTOSCALER_STARTING = "AutoscalerStarting"
    SCALING_ON_REQUESTS = "ScalingOnRequests"
    CPU_FALLBACK = "CPUFallback"
    METRICS_UNAVAILABLE = "MetricsUnavailable"
    UNABLE_TO_SCALE = "UnableToScale"

    READY = "Ready"


# A True condition with another reason (old pods that serve while new ones crash) does not make a model Ready.
SETTLED = frozenset(
    {
        Reason.ARTIFACT_READY,
        Reason.CHECK_FAILED,
        Reason.SERVING,
        Reason.SERVING_ON_CPU,
        Reason.FIXED,
        Reason.SCALING_ON_REQUESTS,
        Reason.CPU_FALLBACK,
    }
)
NORMAL = (SETTLED - {Reason.CHECK_FAILED, Reason.SERVING_ON_CPU, Reason.CPU_FALLBACK}) | {
    Reason.RESOLVING,
    Reason.JOB_PENDING,
    Reason.OPTIMIZING,
    Reason.WAITING_FOR_ARTIFACT,
    Reason.ROLLOUT_IN_PROGRESS,
    Reason.SCALED_TO_ZERO,
    Reason.AUTOSCALER_STARTING,
    Reason.READY,
}
ACTIONS = {OPTIMIZED: "Optimize", AVAILABLE: "Serve", SCALING: "Scale", READY: "Reconcile"}


def build_condition(type_: str, status: ConditionStatus, reason: str, message: str) -> Condition:
    """A condition as a stage sees it; `merge_conditions` adds the generation and the time."""
    text = shorten(_encodable(message), MESSAGE_LIMIT)
    return Condition(type=type_, status=status, reason=_encodable(str(reason)), message=text)


def _encodable(text: str) -> str:
    """Without lone surrogates: JSON has them, UTF-8 does not, and the API server would store another text."""
    return text.encode(errors="replace").decode()


def shorten(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def merge_conditions(
    before: Sequence[Condition], after: Sequence[Condition], *, generation: int, now: str
) -> list[Condition]:
    """The new list. `lastTransitionTime` moves only where the status does."""
    known = {condition.type: condition for condition in before}
    return [_merge(known.get(condition.type), condition, generation=generation, now=now) for condition in after]


def _merge(before: Condition | None, after: Condition, *, generation: int, now: str) -> Condition:
    unchanged = before is not None and before.status == after.status
    since = before.last_transition_time if before is not None and unchanged else None
    return after.model_copy(update={"observed_generation": generation, "last_transition_time": since or now})


def ready_condition(stages: Sequence[Condition]) -> Condition:
    """True where every stage is True and settled; else what the first other stage says."""
    for condition in stages:
        if condition.status != "True":
            return build_condition(READY, condition.status, condition.reason, condition.message)
        if condition.reason not in SETTLED:
            return build_condition(READY, "False", condition.reason, condition.message)
    available = next((condition.message for condition in stages if condition.type == AVAILABLE), "")
    return build_condition(READY, "True", Reason.READY, available)


def transitions(before: Sequence[Condition], after: Sequence[Condition]) -> tuple[Event, ...]:
    """One Event for each condition whose status or reason changed.

    Ready repeats what another condition says, so that only its becoming True is an Event.
    """
    known = {condition.type: condition for condition in before}
    return tuple(_event(condition) for condition in after if _is_news(known.get(condition.type), condition))


def _is_news(before: Condition | None, after: Condition) -> bool:
    if after.type == READY and after.status != "True":
        return False
    return before is None or (before.status, before.reason) != (after.status, after.reason)


def _event(condition: Condition) -> Event:
    return Event(
        type="Normal" if condition.reason in NORMAL else "Warning",
        reason=condition.reason,
        message=shorten(condition.message, EVENT_MESSAGE_LIMIT),
        action=ACTIONS[condition.type],
    )
