"""The serving Deployment: an init container that fetches and verifies, and the server."""

from dataclasses import dataclass
from typing import Any

from slipway_contract.digest import sha256_of_json
from slipway_operator.api.v1alpha1 import ArtifactStatus, ModelDeployment
from slipway_operator.objects.accelerator import accelerator_limits, accelerator_scheduling, expected_accelerator
from slipway_operator.objects.metadata import metadata_for
from slipway_operator.objects.names import ARTIFACT_DIGEST, RECIPE_DIGEST, TEMPLATE_DIGEST, labels_for, serving_selector
from slipway_operator.objects.overlay import overlay
from slipway_operator.objects.probes import server_probes
from slipway_operator.objects.resources import SERVER_REQUESTS, build_resources, whole_cpus
from slipway_operator.objects.security import container_security, image_pull_secrets, pod_security
from slipway_operator.objects.serving_defaults import batch_max_size
from slipway_operator.objects.store import path_in_pod
from slipway_operator.objects.volumes import Mounted, mounts, scratch, store_volumes, volumes
from slipway_operator.state import Settings

SERVER = "server"
FETCH = "fetch"
HTTP_PORT = 8080
ARTIFACT_PATH = "/artifact"
SCRATCH_SIZE = "1Gi"
TERMINATION_GRACE_SECONDS = 60


@dataclass(frozen=True)
class Serving:
    """What is to be served, and how to get there.

    Attributes:
        artifact: what the pods fetch.
        image: the serving runtime.
        replicas: None where the autoscaler owns the number.
        in_place: an old pod goes before its successor starts, because there is no room for both.
    """

    artifact: ArtifactStatus
    image: str
    replicas: int | None
    in_place: bool = False


def build_deployment(parent: ModelDeployment, settings: Settings, serving: Serving) -> dict[str, Any]:
    """The Deployment, with a digest of its pod template on it and on its pods to tell current pods from old ones."""
    template = _pod_template(parent, settings, serving)
    digest = sha256_of_json(template)
    template["metadata"]["annotations"][TEMPLATE_DIGEST] = digest
    spec: dict[str, Any] = {
        "revisionHistoryLimit": 2,
        "selector": {"matchLabels": serving_selector(str(parent.metadata["name"]))},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": _rolling_update(in_place=serving.in_place)},
        "template": template,
    }
    if serving.replicas is not None:
        spec["replicas"] = serving.replicas
    annotations = _digests(serving.artifact) | {TEMPLATE_DIGEST: digest}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata_for(parent, "serve", annotations=annotations),
        "spec": spec,
    }


def _rolling_update(*, in_place: bool) -> dict[str, int]:
    return {"maxSurge": 0, "maxUnavailable": 1} if in_place else {"maxSurge": 1, "maxUnavailable": 0}


def _digests(artifact: ArtifactStatus) -> dict[str, str]:
    return {ARTIFACT_DIGEST: artifact.digest, RECIPE_DIGEST: artifact.recipe_digest}


def _pod_template(parent: ModelDeployment, settings: Settings, serving: Serving) -> dict[str, Any]:
    """Ours, the user's over it, and over that what Slipway itself relies on."""
    labels = labels_for(str(parent.metadata["name"]), "serve")
    own = {"metadata": {}, "spec": _pod_spec(parent, settings, serving)}
    required = {
        "metadata": {"labels": labels, "annotations": _digests(serving.artifact)},
        "spec": {"automountServiceAccountToken": False},
    }
    return overlay(overlay(own, parent.spec.serve.pod_template or {}), required)


def _pod_spec(parent: ModelDeployment, settings: Settings, serving: Serving) -> dict[str, Any]:
    store = store_volumes(parent, read_only=True)
    tmp = scratch(SCRATCH_SIZE)
    return {
        **pod_security(),
        **image_pull_secrets(settings),
        **accelerator_scheduling(parent.spec.serve.accelerator),
        "terminationGracePeriodSeconds": TERMINATION_GRACE_SECONDS,
        "initContainers": [_fetch(serving, [_artifact(read_only=False), tmp, *store])],
        "containers": [_server(parent, serving, [_artifact(read_only=True), tmp])],
        "volumes": volumes([_artifact(read_only=True), tmp, *store]),
    }


def _artifact(*, read_only: bool) -> Mounted:
    mount: dict[str, Any] = {"name": "artifact", "mountPath": ARTIFACT_PATH}
    if read_only:
        mount["readOnly"] = True
    return Mounted({"name": "artifact", "emptyDir": {}}, mount)


def _fetch(serving: Serving, mounted: list[Mounted]) -> dict[str, Any]:
    uri = path_in_pod(serving.artifact.uri)
    return {
        "name": FETCH,
        "image": serving.image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python", "-m", "slipway_serving.fetch"],
        "args": ["--uri", uri, "--digest", serving.artifact.digest, "--to", ARTIFACT_PATH],
        "env": [{"name": "HOME", "value": "/tmp"}],  # noqa: S108 (the only place that can be written)
        "resources": {"requests": dict(SERVER_REQUESTS)},
        "securityContext": container_security(),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": mounts(mounted),
    }


def _server(parent: ModelDeployment, serving: Serving, mounted: list[Mounted]) -> dict[str, Any]:
    resources = build_resources(parent.spec.serve.resources, SERVER_REQUESTS)
    if limits := accelerator_limits(parent.spec.serve.accelerator):
        resources["limits"] = resources.get("limits", {}) | limits
    return {
        "name": SERVER,
        "image": serving.image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python", "-m", "slipway_serving"],
        "args": ["--artifact", ARTIFACT_PATH],
        "env": [{"name": name, "value": value} for name, value in _server_environment(parent, serving).items()],
        "ports": [{"name": "http", "containerPort": HTTP_PORT, "protocol": "TCP"}],
        "resources": resources,
        "securityContext": container_security(),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": mounts(mounted),
        **server_probes(),
    }


def _server_environment(parent: ModelDeployment, serving: Serving) -> dict[str, str]:
    serve = parent.spec.serve
    batching = serve.batching
    limits = serve.resources.limits or {}
    return {
        "HOME": "/tmp",  # noqa: S108 (the only place that can be written)
        "SLIPWAY_MODEL_NAME": str(parent.metadata["name"]),
        "SLIPWAY_BATCH_MAX_SIZE": str(batch_max_size(parent, serving.artifact)),
        "SLIPWAY_BATCH_MAX_DELAY": batching.max_delay if batching else "0ms",
        "SLIPWAY_QUEUE_SIZE": str(serve.queue_size),
        "SLIPWAY_INTRA_OP_THREADS": str(whole_cpus(limits.get("cpu"))),
        "SLIPWAY_EXPECTED_ACCELERATOR": expected_accelerator(serve.accelerator),
    }
