"""What the two kinds of Jobs share: the input as a ConfigMap, the pod around the optimizer, and what is tried again."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from slipway_contract.digest import sha256_of_json
from slipway_contract.recipe import recipe_spec
from slipway_contract.result import ExitCode
from slipway_operator.api.v1alpha1 import API_VERSION, KIND, ModelDeployment
from slipway_operator.objects.metadata import metadata_for
from slipway_operator.objects.names import TEMPLATE_DIGEST, Component, labels_for
from slipway_operator.objects.security import container_security, image_pull_secrets, pod_security
from slipway_operator.objects.volumes import Mounted, mounts, scratch, source_volumes, volumes
from slipway_operator.state import Settings

CONFIG_KEY = "modeldeployment.yaml"
CONFIG_PATH = "/etc/slipway"
SPEC_PATH = f"{CONFIG_PATH}/{CONFIG_KEY}"
BACKOFF_LIMIT = 3
FINAL_EXIT_CODES = (int(ExitCode.USER), int(ExitCode.INTERNAL))


@dataclass(frozen=True)
class Task:
    """What one of the Jobs does.

    Attributes:
        component: `optimize` or `resolve`; its container has the same name.
        name: of the Job and its ConfigMap.
        annotations: what the Job belongs to.
        deadline_seconds: after which it is stopped.
    """

    component: Component
    name: str
    annotations: Mapping[str, str]
    deadline_seconds: int


def build_input(parent: ModelDeployment, task: Task, more: Mapping[str, str]) -> dict[str, Any]:
    """The Job's ConfigMap, immutable. Its digest is in the annotations, to tell an old one from a new one."""
    data = {CONFIG_KEY: job_input(parent), **more}
    annotations = {**task.annotations, TEMPLATE_DIGEST: sha256_of_json(data)}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata_for(parent, task.component, name=task.name, annotations=annotations),
        "immutable": True,
        "data": data,
    }


def build_job_around(parent: ModelDeployment, task: Task, pod_spec: Mapping[str, Any], given: Any) -> dict[str, Any]:
    """A Job that runs `pod_spec` on the input `given`.

    Its template is immutable, and depends on more than its name says (resources, Secrets, where the same bytes
    are): the digest in its annotations tells whether an existing Job is still the one that is wanted.
    """
    spec: dict[str, Any] = {
        "backoffLimit": BACKOFF_LIMIT,
        "podFailurePolicy": {"rules": _pod_failure_rules(task.component)},
        "template": {
            "metadata": {"labels": labels_for(str(parent.metadata["name"]), task.component)},
            "spec": dict(pod_spec),
        },
    }
    annotations = {**task.annotations, TEMPLATE_DIGEST: sha256_of_json({"spec": spec, "input": given})}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata_for(parent, task.component, name=task.name, annotations=annotations),
        # A Job's deadline can be changed while it runs, so that it is no reason to start another.
        "spec": spec | {"activeDeadlineSeconds": task.deadline_seconds},
    }


def build_pod_spec(
    parent: ModelDeployment,
    settings: Settings,
    task: Task,
    container: Mapping[str, Any],
    more_volumes: list[Mounted],
) -> dict[str, Any]:
    """The pod around `container` (image, command, args, env, resources)."""
    mounted = [_config(task.name), scratch(), *more_volumes, *source_volumes(parent)]
    return {
        **pod_security(),
        **image_pull_secrets(settings),
        "restartPolicy": "Never",
        "containers": [
            {
                "name": task.component,
                "imagePullPolicy": "IfNotPresent",
                **container,
                "env": [{"name": name, "value": value} for name, value in container["env"].items()],
                "securityContext": container_security(),
                "terminationMessagePolicy": "FallbackToLogsOnError",
                "volumeMounts": mounts(mounted),
            }
        ],
        "volumes": volumes(mounted),
    }


def job_input(parent: ModelDeployment) -> str:
    spec = recipe_spec(parent.spec.model_dump(mode="json", by_alias=True, exclude_none=True))
    document = {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": parent.metadata["name"]}, "spec": spec}
    return yaml.safe_dump(document, sort_keys=False)


def _pod_failure_rules(container: str) -> list[dict[str, Any]]:
    """A disruption is nobody's fault; the user's error and ours do not go away by trying again."""
    return [
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
        {
            "action": "FailJob",
            "onExitCodes": {"containerName": container, "operator": "In", "values": list(FINAL_EXIT_CODES)},
        },
    ]


def _config(config_map: str) -> Mounted:
    return Mounted(
        {"name": "config", "configMap": {"name": config_map}},
        {"name": "config", "mountPath": CONFIG_PATH, "readOnly": True},
    )
