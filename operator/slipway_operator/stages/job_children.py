"""Whether the recipe's Job should exist, and whether the one that does is still the one that is wanted."""

from typing import Any

from slipway_operator.objects.job import build_config_map, build_job
from slipway_operator.objects.names import TEMPLATE_DIGEST, job_name
from slipway_operator.ownership import is_deleting
from slipway_operator.stages.job_result import annotation_of, is_complete, pods_of
from slipway_operator.stages.pods import name_of
from slipway_operator.state import Object, Observed, Plan


def wanted_children(observed: Observed, plan: Plan, job: Object | None) -> list[dict[str, Any]]:
    """The ConfigMap and the Job of the plan's recipe.

    A Job that was deleted once its artifact was known is not wanted again, unless the store has lost the artifact.
    """
    if job is None and plan.is_current:
        return []
    return [build_config_map(observed.parent, plan), build_job(observed.parent, observed.settings, plan)]


def makes_way(observed: Observed, plan: Plan, job: Object | None, wanted: list[dict[str, Any]]) -> bool:
    """Whether what exists cannot stay.

    Jobs and immutable ConfigMaps cannot be changed: they are left out of one pass, so that they are pruned,
    and made anew in the next.
    """
    name = job_name(observed.name, plan.recipe_digest)
    existing = [item for item in (*observed.config_maps, *observed.jobs) if name_of(item) == name]
    digests = {item["metadata"]["annotations"][TEMPLATE_DIGEST] for item in wanted}
    outdated = any(is_deleting(item) or annotation_of(item, TEMPLATE_DIGEST) not in digests for item in existing)
    return outdated or (job is not None and not plan.is_current and has_lost_its_result(observed, job))


def has_lost_its_result(observed: Observed, job: Object) -> bool:
    """Its pod was deleted before the result was read. To run again is cheap: the store has the artifact."""
    return is_complete(job) and not pods_of(observed, job)
