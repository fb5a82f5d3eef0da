"""Whether the recipe's Job should exist, and whether the one that does is still the one that is wanted."""

from typing import Any

from slipway_operator.objects.job import build_config_map, build_job
from slipway_operator.objects.metadata import metadata_for
from slipway_operator.objects.names import HARDWARE_CLASS, RECIPE_DIGEST, TEMPLATE_DIGEST, job_name
from slipway_operator.ownership import is_deleting
from slipway_operator.stages.job_failure import DEADLINE_EXCEEDED
from slipway_operator.stages.job_result import annotation_of, has_failed, is_complete, pods_of
from slipway_operator.stages.pods import find_condition, name_of
from slipway_operator.state import Object, Observed, Plan, Recipe

# What Kubernetes writes into a Job's pod template for itself.
GENERATED_LABELS = ("controller-uid", "job-name")


def wanted_children(observed: Observed, plan: Plan, recipe: Recipe, job: Object | None) -> list[dict[str, Any]]:
    """The ConfigMap and the Job of the recipe.

    A Job that was deleted once its artifact was known is not wanted again, unless the store has lost the artifact.
    """
    if job is None and plan.is_current:
        return []
    if job is not None and _is_left_to_run(job):
        return [_as_it_is(observed, item) for item in (*observed.config_maps, job) if name_of(item) == name_of(job)]
    kept = _kept_recipes(observed, plan, recipe)
    built = build_job(observed.parent, observed.settings, recipe, kept=kept, live=job)
    return [build_config_map(observed.parent, recipe), built]


def makes_way(observed: Observed, plan: Plan, recipe: Recipe, job: Object | None, wanted: list[dict[str, Any]]) -> bool:
    """Whether what exists cannot stay.

    Jobs and immutable ConfigMaps cannot be changed: they are left out of one pass, so that they are pruned,
    and made anew in the next.
    """
    name = job_name(observed.name, recipe.digest)
    existing = [item for item in (*observed.config_maps, *observed.jobs) if name_of(item) == name]
    digests = {annotation_of(item, TEMPLATE_DIGEST) for item in wanted}
    outdated = any(is_deleting(item) or annotation_of(item, TEMPLATE_DIGEST) not in digests for item in existing)
    if outdated or job is None:
        return outdated
    return (not plan.is_current and has_lost_its_result(observed, job)) or _has_more_time_now(observed, job)


def has_lost_its_result(observed: Observed, job: Object) -> bool:
    """Its pod was deleted before the result was read. To run again is cheap: the store has the artifact."""
    return is_complete(job) and not pods_of(observed, job)


def _has_more_time_now(observed: Observed, job: Object) -> bool:
    failed = find_condition(job, "Failed") or {}
    given = job["spec"].get("activeDeadlineSeconds")
    return failed.get("reason") == DEADLINE_EXCEEDED and given != observed.parent.spec.optimize.active_deadline_seconds


def _kept_recipes(observed: Observed, plan: Plan, recipe: Recipe) -> list[str]:
    """What stays in the store once the recipe's artifact is published: what pods serve, and the history behind it."""
    limit = observed.parent.spec.revision_history_limit
    served = [plan.artifact] if plan.artifact and plan.artifact.recipe_digest != recipe.digest else []
    earlier = [*served, *plan.artifact_history][: max(limit, len(served))]
    # A pod that is being deleted has what it serves, and fetches nothing any more.
    in_pods = [annotation_of(pod, RECIPE_DIGEST) for pod in observed.serving_pods if not is_deleting(pod)]
    return sorted({recipe.digest, *(it.recipe_digest for it in earlier), *(digest for digest in in_pods if digest)})


def _is_left_to_run(job: Object) -> bool:
    """A Job that an operator 0.1 started, whose template was another one, runs to its end."""
    return annotation_of(job, HARDWARE_CLASS) is None and not (has_failed(job) or is_complete(job) or is_deleting(job))


def _as_it_is(observed: Observed, live: Object) -> dict[str, Any]:
    """What exists, without what Kubernetes has filled in for itself: to apply it changes nothing."""
    meta = live["metadata"]
    component = meta["labels"]["app.kubernetes.io/component"]
    built: dict[str, Any] = {
        "apiVersion": live["apiVersion"],
        "kind": live["kind"],
        "metadata": metadata_for(
            observed.parent, component, name=name_of(live), annotations=dict(meta.get("annotations") or {})
        ),
    }
    if live["kind"] == "ConfigMap":
        return built | {"immutable": True, "data": live["data"]}
    template = live["spec"]["template"]
    labels = {key: value for key, value in template["metadata"]["labels"].items() if not _is_generated(key)}
    spec = {key: live["spec"][key] for key in ("backoffLimit", "podFailurePolicy")}
    return built | {"spec": spec | {"template": {"metadata": {"labels": labels}, "spec": template["spec"]}}}


def _is_generated(label: str) -> bool:
    return label.rpartition("/")[2] in GENERATED_LABELS
