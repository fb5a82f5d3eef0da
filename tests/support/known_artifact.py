"""A ModelDeployment whose status says that it is optimized already, so that its serving side is desired."""

import json
import uuid
from typing import Any

from support import cluster
from support.modeldeployments import modeldeployment
from support.operator_process import IMAGES

from slipway_contract.digest import hex_of
from slipway_operator.api.v1alpha1 import ArtifactStatus, ModelDeployment
from slipway_operator.recipes import build_first_recipe

SIZE = {"sizeBytes": 1000}


def create_namespace() -> str:
    """A new one, which enforces the `restricted` Pod Security standard."""
    name = f"operator-{uuid.uuid4().hex[:8]}"
    cluster.kubectl("create", "namespace", name)
    cluster.kubectl("label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")
    return name


def create(namespace: str, name: str, patch: dict[str, Any] | None = None) -> dict[str, Any]:
    document = modeldeployment(patch or {}, name=name, namespace=namespace)
    answer = cluster.kubectl("create", "-f", "-", "-o", "json", stdin=json.dumps(document))
    return dict(json.loads(answer))


def create_optimized(namespace: str, name: str, patch: dict[str, Any] | None = None) -> dict[str, Any]:
    """Created and given an artifact, as 0.1 made them, before an operator may see it: start the operator afterwards."""
    document = create(namespace, name, patch)
    artifact = first_artifact(ModelDeployment.model_validate(document))
    status = json.dumps({"status": {"artifact": artifact.model_dump(by_alias=True, exclude_none=True)}})
    target = ("modeldeployment", name, "-n", namespace)
    cluster.kubectl("patch", *target, "--subresource=status", "--type=merge", "-p", status)
    return get("modeldeployment", name, namespace)


def first_artifact(parent: ModelDeployment) -> ArtifactStatus:
    """The artifact that 0.1 made for a spec."""
    recipe = build_first_recipe(parent, IMAGES["optimizer_image_cpu"])
    return ArtifactStatus.model_validate(
        {
            "digest": "sha256:" + "a" * 64,
            "recipeDigest": recipe.digest,
            "uri": f"pvc://{parent.metadata['name']}-artifacts/{hex_of(recipe.digest)}",
            "sourceDigest": "sha256:" + "b" * 64,
            "optimizerImage": recipe.optimizer_image,
            "hardwareClass": recipe.hardware_class,
            "variant": "FP32",
            "sizeBytes": 1000,
            "reason": "the plain export",
            "reference": SIZE,
            "baseline": SIZE,
            "measured": SIZE,
        }
    )


def get(kind: str, name: str, namespace: str) -> dict[str, Any]:
    """With managedFields; empty where there is none."""
    answer = cluster.kubectl(
        "get", kind, name, "-n", namespace, "-o", "json", "--ignore-not-found", "--show-managed-fields"
    )
    return dict(json.loads(answer)) if answer.strip() else {}


def conditions(name: str, namespace: str) -> dict[str, dict[str, Any]]:
    document = get("modeldeployment", name, namespace)
    return {entry["type"]: entry for entry in document.get("status", {}).get("conditions", [])}
