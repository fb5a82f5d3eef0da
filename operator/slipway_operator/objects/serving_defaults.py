"""What serves an artifact best, where the spec leaves it out: as measured, else as it was before it was measured."""

from slipway_operator.api.v1alpha1 import ArtifactStatus, ModelDeployment
from slipway_operator.api.v1alpha1.scale import DEFAULT_IN_FLIGHT
from slipway_operator.api.v1alpha1.serve import DEFAULT_BATCH_MAX_SIZE


def batch_max_size(parent: ModelDeployment, artifact: ArtifactStatus) -> int:
    """1 where requests are not batched."""
    batching = parent.spec.serve.batching
    if batching is None:
        return 1
    measured = artifact.serving.batch_max_size if artifact.serving else None
    return batching.max_size or measured or DEFAULT_BATCH_MAX_SIZE


def in_flight(parent: ModelDeployment, artifact: ArtifactStatus) -> int:
    """Requests in flight for each replica; no more than one replica takes."""
    measured = artifact.serving.in_flight if artifact.serving else None
    return parent.spec.scale.in_flight or min(measured or DEFAULT_IN_FLIGHT, parent.spec.serve.queue_size)
