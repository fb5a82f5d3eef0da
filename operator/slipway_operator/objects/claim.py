"""The PersistentVolumeClaim that keeps a ModelDeployment's artifacts where it names no store."""

from typing import Any

from slipway_operator.api.v1alpha1 import ModelDeployment
from slipway_operator.objects.metadata import metadata_for
from slipway_operator.objects.names import claim_name
from slipway_operator.state import Object, Settings


def build_claim(parent: ModelDeployment, settings: Settings, existing: Object | None) -> dict[str, Any]:
    """The claim. A claim's spec is immutable, so that new settings are for new claims only."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": metadata_for(parent, "optimize", name=claim_name(str(parent.metadata["name"]))),
        "spec": _spec_from(settings) if existing is None else _spec_of(existing),
    }


def _spec_from(settings: Settings) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "accessModes": list(settings.artifact_access_modes),
        "resources": {"requests": {"storage": settings.artifact_size}},
    }
    if settings.artifact_storage_class:
        spec["storageClassName"] = settings.artifact_storage_class
    return spec


def _spec_of(existing: Object) -> dict[str, Any]:
    kept = ("accessModes", "resources", "storageClassName")
    return {key: existing["spec"][key] for key in kept if key in existing["spec"]}
