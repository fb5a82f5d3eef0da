"""The short Job that looks which bytes are behind the spec's URIs, and its ConfigMap.

It mounts no store: a claim that is not bound yet would be bound to the node that this Job happens to run on.
"""

from typing import Any

from slipway_contract.digest import sha256_of_json
from slipway_contract.source_ids import unresolved_fields
from slipway_operator.api.v1alpha1 import ModelDeployment
from slipway_operator.objects.job_pod import (
    SPEC_PATH,
    Task,
    build_input,
    build_job_around,
    build_pod_spec,
    job_input,
)
from slipway_operator.objects.names import SOURCES_DIGEST, resolve_job_name
from slipway_operator.objects.resources import RESOLVE_REQUESTS
from slipway_operator.state import Settings

CONTAINER = "resolve"
# A server without any id of its own makes the Job read the whole file.
DEADLINE_SECONDS = 3600


def uris_to_resolve(parent: ModelDeployment) -> dict[str, str]:
    """By field: the URIs of which only a look tells the bytes."""
    spec = parent.spec.model_dump(mode="json", by_alias=True, exclude_none=True, include={"model", "optimize"})
    return {field: str(source["uri"]) for field, source in unresolved_fields(spec).items()}


def sources_digest(parent: ModelDeployment) -> str:
    return sha256_of_json(uris_to_resolve(parent))


def build_resolve_config_map(parent: ModelDeployment) -> dict[str, Any]:
    return build_input(parent, _task(parent), {})


def build_resolve_job(parent: ModelDeployment, settings: Settings) -> dict[str, Any]:
    container = {
        "image": parent.spec.optimize.image or settings.optimizer_image_cpu,
        "command": ["python", "-m", "slipway_optimizer.resolve"],
        "args": ["--spec", SPEC_PATH],
        "env": {"HOME": "/tmp"},  # noqa: S108 (the only place that can be written)
        "resources": {"requests": dict(RESOLVE_REQUESTS)},
    }
    task = _task(parent)
    pod_spec = build_pod_spec(parent, settings, task, container, [])
    return build_job_around(parent, task, pod_spec, job_input(parent))


def _task(parent: ModelDeployment) -> Task:
    digest = sources_digest(parent)
    return Task(
        component="resolve",
        name=resolve_job_name(str(parent.metadata["name"]), digest),
        annotations={SOURCES_DIGEST: digest},
        deadline_seconds=DEADLINE_SECONDS,
    )
