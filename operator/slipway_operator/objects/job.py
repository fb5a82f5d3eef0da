"""The optimization Job and the ConfigMap that it reads its ModelDeployment from."""

from typing import Any

import yaml

from slipway_contract.digest import sha256_of_json
from slipway_contract.result import ExitCode
from slipway_operator.api.v1alpha1 import API_VERSION, KIND, ModelDeployment
from slipway_operator.objects.metadata import metadata_for
from slipway_operator.objects.names import RECIPE_DIGEST, TEMPLATE_DIGEST, job_name, labels_for
from slipway_operator.objects.resources import JOB_REQUESTS, build_resources
from slipway_operator.objects.security import container_security, image_pull_secrets, pod_security
from slipway_operator.objects.store import path_in_pod, store_root
from slipway_operator.objects.volumes import Mounted, mounts, scratch, source_volumes, store_volumes, volumes
from slipway_operator.state import Plan, Settings

CONTAINER = "optimize"
CONFIG_KEY = "modeldeployment.yaml"
CONFIG_PATH = "/etc/slipway"
BACKOFF_LIMIT = 3
FINAL_EXIT_CODES = (int(ExitCode.USER), int(ExitCode.INTERNAL))


def build_config_map(parent: ModelDeployment, plan: Plan) -> dict[str, Any]:
    """The Job's input, immutable. Its digest is in the annotations, to tell an old one from a new one."""
    data = {CONFIG_KEY: _job_input(parent)}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata_for(
            parent,
            "optimize",
            name=job_name(str(parent.metadata["name"]), plan.recipe_digest),
            annotations={RECIPE_DIGEST: plan.recipe_digest, TEMPLATE_DIGEST: sha256_of_json(data)},
        ),
        "immutable": True,
        "data": data,
    }


def build_job(parent: ModelDeployment, settings: Settings, plan: Plan) -> dict[str, Any]:
    """The Job of a recipe.

    Its template is immutable, and depends on more than the recipe (resources, Secrets, where the same bytes
    are): the digest in its annotations tells whether an existing Job is still the one that is wanted.
    """
    name = job_name(str(parent.metadata["name"]), plan.recipe_digest)
    spec = {
        "backoffLimit": BACKOFF_LIMIT,
        "podFailurePolicy": {"rules": _pod_failure_rules()},
        "template": {
            "metadata": {"labels": labels_for(str(parent.metadata["name"]), "optimize")},
            "spec": _pod_spec(parent, settings, plan),
        },
    }
    digest = sha256_of_json({"spec": spec, "input": _job_input(parent)})
    annotations = {RECIPE_DIGEST: plan.recipe_digest, TEMPLATE_DIGEST: digest}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata_for(parent, "optimize", name=name, annotations=annotations),
        "spec": spec,
    }


def _job_input(parent: ModelDeployment) -> str:
    spec = parent.spec.model_dump(mode="json", by_alias=True, exclude_none=True, include={"model", "optimize"})
    document = {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": parent.metadata["name"]}, "spec": spec}
    return yaml.safe_dump(document, sort_keys=False)


def _pod_failure_rules() -> list[dict[str, Any]]:
    """A disruption is nobody's fault; the user's error and ours do not go away by trying again."""
    return [
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
        {
            "action": "FailJob",
            "onExitCodes": {
                "containerName": CONTAINER,
                "operator": "In",
                "values": list(FINAL_EXIT_CODES),
            },
        },
    ]


def _pod_spec(parent: ModelDeployment, settings: Settings, plan: Plan) -> dict[str, Any]:
    mounted = [
        _config(job_name(str(parent.metadata["name"]), plan.recipe_digest)),
        scratch(),
        *store_volumes(parent, read_only=False),
        *source_volumes(parent),
    ]
    return {
        **pod_security(),
        **image_pull_secrets(settings),
        "restartPolicy": "Never",
        "containers": [_container(parent, plan, mounted)],
        "volumes": volumes(mounted),
    }


def _config(config_map: str) -> Mounted:
    return Mounted(
        {"name": "config", "configMap": {"name": config_map}},
        {"name": "config", "mountPath": CONFIG_PATH, "readOnly": True},
    )


def _container(parent: ModelDeployment, plan: Plan, mounted: list[Mounted]) -> dict[str, Any]:
    out = path_in_pod(store_root(parent))
    return {
        "name": CONTAINER,
        "image": plan.optimizer_image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python", "-m", "slipway_optimizer"],
        "args": ["--spec", f"{CONFIG_PATH}/{CONFIG_KEY}", "--out", out, "--recipe-digest", plan.recipe_digest],
        "env": [
            {"name": "HOME", "value": "/tmp"},  # noqa: S108 (the only place that can be written)
            {"name": "SLIPWAY_OPTIMIZER_IMAGE", "value": plan.optimizer_image},
        ],
        "resources": build_resources(parent.spec.optimize.resources, JOB_REQUESTS),
        "securityContext": container_security(),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": mounts(mounted),
    }
