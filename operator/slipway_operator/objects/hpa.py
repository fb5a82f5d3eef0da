"""The HorizontalPodAutoscaler of the serving Deployment."""

from typing import Any

from slipway_operator.api.v1alpha1 import API_VERSION, KIND, ArtifactStatus, ModelDeployment
from slipway_operator.objects.metadata import metadata_for
from slipway_operator.objects.serving_defaults import in_flight

IN_FLIGHT_METRIC = "inflight_requests"
CPU_UTILIZATION_PERCENT = 80


def build_hpa(parent: ModelDeployment, artifact: ArtifactStatus, *, on_cpu: bool) -> dict[str, Any]:
    """The autoscaler: our metric (or CPU, where somebody else serves custom metrics), then the user's as they are."""
    scale = parent.spec.scale
    own = _cpu_metric() if on_cpu else _in_flight_metric(parent, artifact)
    spec: dict[str, Any] = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": parent.metadata["name"]},
        "minReplicas": scale.min_replicas,
        "maxReplicas": scale.max_replicas,
        "metrics": [own, *(scale.metrics or [])],
    }
    if scale.behavior:
        spec["behavior"] = scale.behavior
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": metadata_for(parent, "scale"),
        "spec": spec,
    }


def _in_flight_metric(parent: ModelDeployment, artifact: ArtifactStatus) -> dict[str, Any]:
    return {
        "type": "Object",
        "object": {
            "describedObject": {"apiVersion": API_VERSION, "kind": KIND, "name": parent.metadata["name"]},
            "metric": {"name": IN_FLIGHT_METRIC},
            "target": {"type": "AverageValue", "averageValue": str(in_flight(parent, artifact))},
        },
    }


def _cpu_metric() -> dict[str, Any]:
    target = {"type": "Utilization", "averageUtilization": CPU_UTILIZATION_PERCENT}
    return {"type": "Resource", "resource": {"name": "cpu", "target": target}}
