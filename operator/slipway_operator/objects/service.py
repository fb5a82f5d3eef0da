"""The Service in front of the serving pods, and the PodDisruptionBudget that keeps most of them up."""

from typing import Any

from slipway_operator.api.v1alpha1 import ModelDeployment
from slipway_operator.objects.metadata import metadata_for
from slipway_operator.objects.names import serving_selector

GRPC_PORT = 8081


def build_service(parent: ModelDeployment) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata_for(parent, "serve"),
        "spec": {
            "type": "ClusterIP",
            "selector": serving_selector(str(parent.metadata["name"])),
            "ports": [
                {"name": "http", "port": 80, "protocol": "TCP", "targetPort": "http", "appProtocol": "http"},
                # By number: pods of earlier releases go on without a new name in their template.
                {
                    "name": "grpc",
                    "port": GRPC_PORT,
                    "protocol": "TCP",
                    "targetPort": GRPC_PORT,
                    "appProtocol": "kubernetes.io/h2c",
                },
            ],
        },
    }


def build_pdb(parent: ModelDeployment) -> dict[str, Any]:
    """One pod at a time may be evicted, so that a single replica never blocks the drain of a node."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata_for(parent, "serve"),
        "spec": {
            "maxUnavailable": 1,
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": serving_selector(str(parent.metadata["name"]))},
        },
    }


def service_url(parent: ModelDeployment) -> str:
    return f"http://{parent.metadata['name']}.{parent.metadata['namespace']}.svc"
