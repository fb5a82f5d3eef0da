"""Metadata that every child shares."""

from collections.abc import Mapping
from typing import Any

from slipway_operator.api.v1alpha1 import API_VERSION, KIND, ModelDeployment
from slipway_operator.objects.names import Component, labels_for


def metadata_for(
    parent: ModelDeployment,
    component: Component,
    *,
    name: str | None = None,
    annotations: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """A child's metadata: named as the parent where `name` is absent, labelled, and owned by the parent."""
    parent_name = str(parent.metadata["name"])
    metadata: dict[str, Any] = {
        "name": name or parent_name,
        "namespace": parent.metadata["namespace"],
        "labels": labels_for(parent_name, component),
        "ownerReferences": [_owner_reference(parent)],
    }
    if annotations:
        metadata["annotations"] = dict(annotations)
    return metadata


def _owner_reference(parent: ModelDeployment) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "name": parent.metadata["name"],
        "uid": parent.metadata["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
