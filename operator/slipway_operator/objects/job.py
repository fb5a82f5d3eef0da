"""The optimization Job of a recipe, and the ConfigMap that it reads its ModelDeployment from."""

from collections.abc import Sequence
from typing import Any

from slipway_contract.result import Resolved, ResolvedSource
from slipway_operator.api.v1alpha1 import ModelDeployment
from slipway_operator.objects.job_pod import (
    CONFIG_PATH,
    SPEC_PATH,
    Task,
    build_input,
    build_job_around,
    build_pod_spec,
    job_input,
)
from slipway_operator.objects.names import HARDWARE_CLASS, RECIPE_DIGEST, TEMPLATE_DIGEST, job_name
from slipway_operator.objects.node_class import measuring_resources, node_scheduling
from slipway_operator.objects.store import path_in_pod, store_root
from slipway_operator.objects.volumes import store_volumes
from slipway_operator.state import Object, Recipe, Settings

CONTAINER = "optimize"
RESOLVED_KEY = "resolved.json"


def build_config_map(parent: ModelDeployment, recipe: Recipe) -> dict[str, Any]:
    return build_input(parent, _task(parent, recipe), _resolved(recipe))


def build_job(
    parent: ModelDeployment, settings: Settings, recipe: Recipe, *, kept: Sequence[str] = (), live: Object | None = None
) -> dict[str, Any]:
    """The Job of a recipe.

    Args:
        parent: the ModelDeployment.
        settings: the administrator's choices.
        recipe: what it makes.
        kept: recipes whose artifacts stay in the store.
        live: the Job as it is. What it keeps was decided when it started, and is no reason for another.
    """
    task = _task(parent, recipe)
    pod_spec = build_pod_spec(
        parent, settings, task, _container(parent, settings, recipe), store_volumes(parent, read_only=False)
    )
    pod_spec |= node_scheduling(parent)
    job = build_job_around(parent, task, pod_spec, {"spec": job_input(parent), **_resolved(recipe)})
    container = job["spec"]["template"]["spec"]["containers"][0]
    if recipe.sources is not None:  # the optimizer of 0.1 knows of no owners
        container["args"] = _args_of(live, job) or [*container["args"], *_collection(parent, kept)]
    return job


def _task(parent: ModelDeployment, recipe: Recipe) -> Task:
    return Task(
        component="optimize",
        name=job_name(str(parent.metadata["name"]), recipe.digest),
        annotations={RECIPE_DIGEST: recipe.digest, HARDWARE_CLASS: recipe.hardware_class},
        deadline_seconds=parent.spec.optimize.active_deadline_seconds,
    )


def _resolved(recipe: Recipe) -> dict[str, str]:
    """The ids of the sources that do not say them themselves: the Job refuses other bytes."""
    found = [
        ResolvedSource(field=source.field, digest=source.digest)
        for source in recipe.sources or ()
        if source.resolved_at
    ]
    return {RESOLVED_KEY: Resolved(sources=found).model_dump_json(by_alias=True)} if found else {}


def _container(parent: ModelDeployment, settings: Settings, recipe: Recipe) -> dict[str, Any]:
    args = ["--spec", SPEC_PATH, "--out", path_in_pod(store_root(parent)), "--recipe-digest", recipe.digest]
    if _resolved(recipe):
        args += ["--resolved", f"{CONFIG_PATH}/{RESOLVED_KEY}"]
    return {
        "image": recipe.optimizer_image,
        "command": ["python", "-m", "slipway_optimizer"],
        "args": args,
        "env": _environment(parent, settings, recipe),
        "resources": measuring_resources(parent),
    }


def _environment(parent: ModelDeployment, settings: Settings, recipe: Recipe) -> dict[str, str]:
    environment = {
        "HOME": "/tmp",  # noqa: S108 (the only place that can be written)
        "SLIPWAY_OPTIMIZER_IMAGE": recipe.optimizer_image,
        "SLIPWAY_HARDWARE_CLASS": recipe.hardware_class,
    }
    if parent.spec.model.allow_pickle and settings.allow_pickle:
        environment["SLIPWAY_ALLOW_PICKLE"] = "true"
    return environment


def _collection(parent: ModelDeployment, kept: Sequence[str]) -> list[str]:
    """Whose artifacts are collected, and which of them stay."""
    return ["--owner", f"{parent.metadata['namespace']}/{parent.metadata['name']}", "--keep", *kept]


def _args_of(live: Object | None, wanted: dict[str, Any]) -> list[str] | None:
    if live is None:
        return None
    digest = (live["metadata"].get("annotations") or {}).get(TEMPLATE_DIGEST)
    if digest != wanted["metadata"]["annotations"][TEMPLATE_DIGEST]:
        return None
    containers = live["spec"]["template"]["spec"]["containers"]
    return next((list(item["args"]) for item in containers if item["name"] == CONTAINER), None)
