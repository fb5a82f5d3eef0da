"""The Job that looks which bytes are behind the spec's URIs: whether it should exist, and what it is at."""

from typing import Any

from slipway_contract.redaction import without_secrets
from slipway_operator.conditions import Reason
from slipway_operator.objects.names import TEMPLATE_DIGEST
from slipway_operator.objects.resolve_job import (
    build_resolve_config_map,
    build_resolve_job,
    uris_to_resolve,
)
from slipway_operator.ownership import is_deleting
from slipway_operator.resolution import resolve_job_of
from slipway_operator.stages.job_result import annotation_of, has_failed, is_complete
from slipway_operator.stages.job_state import JobState, describe_job, not_yet
from slipway_operator.stages.pods import name_of
from slipway_operator.state import Object, Observed, Plan


def resolve_children(observed: Observed, plan: Plan) -> list[dict[str, Any]]:
    """The Job and its ConfigMap while a look is due or goes on; afterwards, for its log, until the next one.

    Like any Job that cannot stay, one of an earlier look is left out of one pass, and made anew in the next.
    """
    job = resolve_job_of(observed)
    if not uris_to_resolve(observed.parent) or (job is None and not plan.resolution.is_due):
        return []
    wanted = [build_resolve_config_map(observed.parent), build_resolve_job(observed.parent, observed.settings)]
    return [] if _makes_way(observed, plan, job, wanted) else wanted


def _makes_way(observed: Observed, plan: Plan, job: Object | None, wanted: list[dict[str, Any]]) -> bool:
    names = {name_of(item) for item in wanted}
    digests = {item["metadata"]["annotations"][TEMPLATE_DIGEST] for item in wanted}
    existing = [item for item in (*observed.config_maps, *observed.jobs) if name_of(item) in names]
    outdated = any(is_deleting(item) or annotation_of(item, TEMPLATE_DIGEST) not in digests for item in existing)
    return outdated or (plan.resolution.is_due and job is not None and (has_failed(job) or is_complete(job)))


def describe_resolving(observed: Observed, plan: Plan) -> JobState:
    """For a plan without a recipe."""
    job = resolve_job_of(observed)
    uris = ", ".join(f"{field} ({without_secrets(uri)})" for field, uri in uris_to_resolve(observed.parent).items())
    if job is None or is_deleting(job) or (is_complete(job) and plan.resolution.is_due):
        return not_yet(Reason.RESOLVING, f"Looking which bytes are behind {uris}."), None
    return describe_job(observed, plan, job, running=Reason.RESOLVING)
