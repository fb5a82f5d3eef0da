"""Who decides how many replicas there are, and which number we send, if any."""

from slipway_operator.objects.names import FIELD_MANAGER
from slipway_operator.state import Object, Observed


def replicas_to_send(observed: Observed) -> int | None:
    """`spec.replicas` of the Deployment; None leaves it to the autoscaler.

    A field that nobody else owns falls back to its default of 1 when its owner stops sending it. So, with an
    autoscaler, the number that is there is sent on until the autoscaler sets another one and thereby takes the field:
    https://kubernetes.io/docs/reference/using-api/server-side-apply/#transferring-ownership
    """
    scale = observed.parent.spec.scale
    if scale.max_replicas is None:
        return scale.replicas
    deployment = observed.deployment
    if deployment is None:
        return min(max(_autoscaler_wants(observed), scale.min_replicas), scale.max_replicas)
    current = int(deployment["spec"].get("replicas", 1))
    if current == 0:
        return scale.min_replicas  # an autoscaler is switched off by 0 replicas, and would stay so
    return current if is_replicas_ours(deployment) else None


def is_replicas_ours(deployment: Object) -> bool:
    """Whether our last apply still owns `spec.replicas`."""
    return any(
        entry.get("manager") == FIELD_MANAGER
        and entry.get("operation") == "Apply"
        and not entry.get("subresource")
        and "f:replicas" in ((entry.get("fieldsV1") or {}).get("f:spec") or {})
        for entry in deployment["metadata"].get("managedFields") or ()
    )


def _autoscaler_wants(observed: Observed) -> int:
    """What a deleted Deployment had, as far as its autoscaler remembers."""
    hpa = observed.hpa or {}
    return int((hpa.get("status") or {}).get("desiredReplicas", 0))
