"""A Job that waits for the device on which the model is served: neither would ever give way by itself."""

from slipway_operator.stages.pods import find_condition, has_stopped
from slipway_operator.stages.surge import NO_ROOM
from slipway_operator.state import Object, Observed


def waits_for_a_serving_pod(observed: Observed, job_pod: Object) -> str | None:
    """What to do where the Job finds no device and this model's own pods hold some."""
    spec = observed.parent.spec
    resource = spec.serve.accelerator.resource
    scheduled = find_condition(job_pod, "PodScheduled") or {}
    holders = sum(
        not has_stopped(pod) and bool((pod.get("spec") or {}).get("nodeName")) for pod in observed.serving_pods
    )
    if not spec.serve.accelerator.count or f"{NO_ROOM}{resource}" not in scheduled.get("message", "") or not holders:
        return None
    held = f"The serving pods of this model hold {holders * spec.serve.accelerator.count} {resource}, and the Job"
    if spec.scale.max_replicas is not None:
        return f"{held} needs one: add a node, or lower spec.scale.maxReplicas until it has run."
    fewer = f"kubectl -n {observed.namespace} scale modeldeployment {observed.name} --replicas={holders - 1}"
    return f"{held} needs one: add a node, or free one until it has run: {fewer}"
