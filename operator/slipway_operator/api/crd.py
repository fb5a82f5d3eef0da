"""The CustomResourceDefinition of ModelDeployment, as a value."""

from typing import Any

from slipway_operator.api.explain_once import explain_once
from slipway_operator.api.schema import structural_schema
from slipway_operator.api.v1alpha1 import GROUP, KIND, PLURAL, VERSION, ModelDeployment

# Helm deletes what a chart created; with the CRD would go every ModelDeployment of the cluster.
_ANNOTATIONS = {"helm.sh/resource-policy": "keep"}

_SCALE = {
    "specReplicasPath": ".spec.scale.replicas",
    "statusReplicasPath": ".status.replicas",
    "labelSelectorPath": ".status.selector",
}


def build_crd() -> dict[str, Any]:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{PLURAL}.{GROUP}", "annotations": _ANNOTATIONS},
        "spec": {
            "group": GROUP,
            "names": {
                "kind": KIND,
                "listKind": f"{KIND}List",
                "plural": PLURAL,
                "singular": KIND.lower(),
                "shortNames": ["md"],
                "categories": ["all", "slipway"],
            },
            "scope": "Namespaced",
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "additionalPrinterColumns": _printer_columns(),
                    "subresources": {"status": {}, "scale": _SCALE},
                    "schema": {"openAPIV3Schema": _root_schema()},
                }
            ],
        },
    }


def _root_schema() -> dict[str, Any]:
    """The API server owns the first three fields; metadata shows its name here, so that a rule can point at it."""
    schema = structural_schema(ModelDeployment)
    owned = {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"type": "object", "properties": {"name": {"type": "string"}}},
    }
    return explain_once(schema | {"required": ["spec"], "properties": schema["properties"] | owned})


def _printer_columns() -> list[dict[str, Any]]:
    """About 100 characters wide; -o wide shows the rest."""
    ready = '.status.conditions[?(@.type=="Ready")]'
    return [
        _column("Ready", f"{ready}.status", "Whether the spec as it stands is served."),
        _column("Reason", f"{ready}.reason", "Why, in one word; kubectl describe has the sentence."),
        _column("Variant", ".status.artifact.variant", "Numeric format that is served."),
        _column("Speedup", ".status.artifact.speedup", "How many times faster than the plain export."),
        _column("Drop", ".status.artifact.drop", "What it costs of the metric against the plain export."),
        _column("Replicas", ".status.readyReplicas", "Replicas that are ready.", type="integer"),
        _column("Summary", ".status.artifact.summary", "Variant, speed-up, drop and size.", priority=1),
        _column("Stage", ".status.optimization.stage", "What the running Job does.", priority=1),
        _column("Percent", ".status.optimization.progressPercent", "How far it is.", type="integer", priority=1),
        _column("URL", ".status.url", "Base URL inside the cluster.", priority=1),
        _column("Provider", ".status.executionProvider", "ONNX Runtime execution provider that answers.", priority=1),
        _column("Age", ".metadata.creationTimestamp", "Since when it exists.", type="date"),
    ]


def _column(name: str, path: str, description: str, **extra: Any) -> dict[str, Any]:
    return {"name": name, "type": "string", "jsonPath": path, "description": description} | extra
