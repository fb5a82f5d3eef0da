"""Scaling: a fixed number of replicas, or a HorizontalPodAutoscaler on requests in flight."""

from slipway_operator.api.v1alpha1 import ArtifactStatus, Condition
from slipway_operator.conditions import SCALING, ConditionStatus, Reason, build_condition
from slipway_operator.objects.hpa import CPU_UTILIZATION_PERCENT, build_hpa
from slipway_operator.objects.serving_defaults import in_flight
from slipway_operator.stages.pods import find_condition, is_ready
from slipway_operator.state import Object, Observed, Plan, StageResult


def scale(observed: Observed, plan: Plan) -> StageResult:
    """The autoscaler exists from the first artifact on, as the Deployment that it scales does."""
    spec = observed.parent.spec.scale
    if spec.max_replicas is None:
        message = f"The number of replicas is fixed at {spec.replicas}: set spec.scale.maxReplicas to scale on load."
        return StageResult(_condition("True", Reason.FIXED, message))
    if plan.artifact is None:
        return StageResult(_condition("False", Reason.WAITING_FOR_ARTIFACT, "There is nothing to scale yet."))
    on_cpu = why_not_on_requests(observed) is not None
    autoscaler = build_hpa(observed.parent, plan.artifact, on_cpu=on_cpu)
    return StageResult(_describe(observed, plan.artifact, on_cpu=on_cpu), (autoscaler,))


def why_not_on_requests(observed: Observed) -> str | None:
    """Why requests in flight cannot be scaled on, and what to do; None where they can."""
    if not observed.settings.metrics_api_service:
        return "Slipway was installed without its metrics API. An administrator can set metricsApi.enabled."
    if observed.custom_metrics_owner is None or observed.custom_metrics_ours:
        return None
    return (
        f"Service {observed.custom_metrics_owner} serves custom.metrics.k8s.io, and a cluster has room for one such "
        "server. Slipway leaves it alone; to scale on requests in flight, uninstall it."
    )


def _describe(observed: Observed, artifact: ArtifactStatus, *, on_cpu: bool) -> Condition:
    hpa = observed.hpa
    if hpa is None or find_condition(hpa, "AbleToScale") is None:
        return _condition("Unknown", Reason.AUTOSCALER_STARTING, "The autoscaler has not looked at the replicas yet.")
    if message := _complaint(hpa, "AbleToScale"):
        return _condition("False", Reason.UNABLE_TO_SCALE, message)
    message = _complaint(hpa, "ScalingActive")
    if message and not any(is_ready(pod) for pod in observed.serving_pods):
        # Pods that have not started yet have no metrics: no reason to alarm anybody.
        return _condition("Unknown", Reason.AUTOSCALER_STARTING, "The autoscaler waits for the first ready replica.")
    if message:
        return _condition("False", Reason.METRICS_UNAVAILABLE, message)
    return _on_cpu(observed) if on_cpu else _on_requests(observed, artifact)


def _complaint(hpa: Object, type_: str) -> str | None:
    """What the autoscaler itself says about a condition of its own that does not hold."""
    condition = find_condition(hpa, type_)
    if condition is None or condition["status"] == "True":
        return None
    return f"{condition.get('reason', type_)}: {condition.get('message', '')}"


def _on_requests(observed: Observed, artifact: ArtifactStatus) -> Condition:
    aim = in_flight(observed.parent, artifact)
    message = f"{_bounds(observed)}, aiming at {aim} requests in flight for each."
    return _condition("True", Reason.SCALING_ON_REQUESTS, message)


def _on_cpu(observed: Observed) -> Condition:
    aim = f"aiming at {CPU_UTILIZATION_PERCENT} % of the CPU request instead of at requests in flight"
    message = f"{_bounds(observed)}, {aim}: {why_not_on_requests(observed)}"
    return _condition("True", Reason.CPU_FALLBACK, message)


def _bounds(observed: Observed) -> str:
    spec = observed.parent.spec.scale
    return f"Between {spec.min_replicas} and {spec.max_replicas} replicas"


def _condition(status: ConditionStatus, reason: Reason, message: str) -> Condition:
    return build_condition(SCALING, status, reason, message)
