"""Which bytes the sources stand for: what the spec says itself, what a look found, what an artifact was made from.

Pinned looks once for a URI; OnDigestChange looks again every interval, by the times in the status.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from slipway_contract.redaction import shown_uri
from slipway_contract.result import Resolved
from slipway_contract.source_ids import fixed_id, source_fields
from slipway_operator.api.v1alpha1 import ModelDeployment, SourceStatus
from slipway_operator.objects.names import SOURCES_DIGEST
from slipway_operator.objects.resolve_job import sources_digest, uris_to_resolve
from slipway_operator.recipes import build_recipe, follows_new_bytes, known_artifacts
from slipway_operator.stages.job_failure import failure_of
from slipway_operator.stages.job_result import annotation_of, ended, has_failed, job_of, pods_of, result_of
from slipway_operator.stages.pods import find_condition
from slipway_operator.state import Event, Failure, Object, Observed, Recipe, Resolution

EVENT_ACTION = "Resolve"


@dataclass(frozen=True)
class Look:
    """A Job that looked, and has ended: with ids by field, or with a failure."""

    ended_at: str
    found: Mapping[str, str] | None
    failure: Failure | None


def resolve_job_of(observed: Observed) -> Object | None:
    """The Job that looks behind the spec's URIs as they are now."""
    digest = sources_digest(observed.parent)
    return next((job for job in observed.jobs if annotation_of(job, SOURCES_DIGEST) == digest), None)


def last_look(observed: Observed) -> Look | None:
    job = resolve_job_of(observed)
    if job is None:
        return None
    for pod in pods_of(observed, job):
        result = result_of(pod)
        if isinstance(result, Resolved) and _is_complete(observed.parent, result):
            return Look(_ended_at(observed, job, pod), result.by_field, None)
    if not has_failed(job):
        return None
    pods = pods_of(observed, job)
    return Look(_ended_at(observed, job, pods[-1] if pods else None), None, failure_of(observed, job))


def known_sources(observed: Observed, look: Look | None) -> tuple[SourceStatus, ...] | None:
    """Every source of the spec with its bytes; None while one of them is not known."""
    parent, status = observed.parent, observed.parent.status
    if look and look.found is not None and look.ended_at >= (status.last_checked_at or ""):
        return _found(parent, look.found, look.ended_at)
    return _as_recorded(parent, status.sources) or _as_in_an_artifact(parent)


def plan_resolution(
    observed: Observed, recipe: Recipe | None, sources: tuple[SourceStatus, ...] | None, look: Look | None
) -> Resolution:
    """When to look again, and what the last look came to."""
    status = observed.parent.status
    checked_at = _checked_at(observed, sources, look)
    failure_text = look.failure.message if look and look.failure else None
    if look is None and sources is not None:
        failure_text = status.check_failure
    due_at = _due_at(observed, recipe, sources, checked_at=checked_at, look=look)
    is_due = due_at is not None and due_at <= observed.now
    return Resolution(
        sources=sources,
        last_checked_at=checked_at,
        failure=look.failure if look else None,
        failure_text=failure_text,
        is_due=is_due,
        next_check_at=None if is_due else due_at,  # while it is due, the Job's own events drive the passes
    )


def sources_in_status(observed: Observed, resolution: Resolution) -> list[SourceStatus]:
    """What is known, in part where not all is."""
    return list(resolution.sources if resolution.sources is not None else _said_by_the_spec(observed.parent))


def news_of(before: Sequence[SourceStatus], after: Sequence[SourceStatus]) -> tuple[Event, ...]:
    """An Event for each URI that leads to other bytes than before."""
    known = {(source.field, source.uri): source.digest for source in before}
    return tuple(
        Event(
            type="Normal",
            reason="SourceChanged",
            message=f"{source.field}: {source.uri} was {known[source.field, source.uri]} and is now {source.digest}.",
            action=EVENT_ACTION,
        )
        for source in after
        if known.get((source.field, source.uri), source.digest) != source.digest
    )


def _due_at(
    observed: Observed,
    recipe: Recipe | None,
    sources: tuple[SourceStatus, ...] | None,
    *,
    checked_at: str | None,
    look: Look | None,
) -> str | None:
    """When the next look is due; None for never."""
    policy = observed.parent.spec.update_policy
    follows = follows_new_bytes(observed.parent)
    if recipe is not None and recipe.sources is None:
        return None
    if sources is None and look is None:
        return observed.now
    if not follows or (recipe is not None and _is_being_made(observed, recipe)):
        # A source that changes faster than it can be optimized would otherwise never be served.
        return None
    return observed.now if checked_at is None else _after(checked_at, policy.interval_seconds)


def _is_being_made(observed: Observed, recipe: Recipe) -> bool:
    job = job_of(observed, recipe.digest)
    finished = job is not None and any(find_condition(job, type_) for type_ in ("Complete", "Failed"))
    known = any(artifact.recipe_digest == recipe.digest for artifact in known_artifacts(observed.parent))
    return job is not None and not finished and not known


def _checked_at(observed: Observed, sources: tuple[SourceStatus, ...] | None, look: Look | None) -> str | None:
    """The last look at these very URIs."""
    if not uris_to_resolve(observed.parent):
        return None
    recorded = observed.parent.status.last_checked_at
    of_these = (
        recorded if sources is not None and _as_recorded(observed.parent, observed.parent.status.sources) else None
    )
    times = [time for time in (of_these, look.ended_at if look else None) if time]
    return max(times, default=None)


def _as_recorded(parent: ModelDeployment, recorded: Sequence[SourceStatus]) -> tuple[SourceStatus, ...] | None:
    uris = {field: shown_uri(uri) for field, uri in uris_to_resolve(parent).items()}
    known = {source.field: source for source in recorded if uris.get(source.field) == source.uri}
    if known.keys() != uris.keys():
        return None
    return _in_order(parent, [*_said_by_the_spec(parent), *known.values()])


def _as_in_an_artifact(parent: ModelDeployment) -> tuple[SourceStatus, ...] | None:
    """What an artifact of this spec was made from: a revert goes back to it at once."""
    for artifact in known_artifacts(parent):
        sources = _as_recorded(parent, artifact.sources) if artifact.sources is not None else None
        if sources is None:
            continue
        if build_recipe(parent, artifact.optimizer_image, sources).digest == artifact.recipe_digest:
            return sources
    return None


def _found(parent: ModelDeployment, ids: Mapping[str, str], now: str) -> tuple[SourceStatus, ...]:
    before = {(source.field, source.uri, source.digest): source for source in parent.status.sources}
    uris = {field: shown_uri(uri) for field, uri in uris_to_resolve(parent).items()}
    found = [
        before.get((field, uri, ids[field])) or SourceStatus(field=field, uri=uri, digest=ids[field], resolved_at=now)
        for field, uri in uris.items()
    ]
    return _in_order(parent, [*_said_by_the_spec(parent), *found])


def _said_by_the_spec(parent: ModelDeployment) -> list[SourceStatus]:
    """Sources with a sha256, or with a version in the URI."""
    return [
        SourceStatus(field=field, uri=shown_uri(str(source["uri"])), digest=own)
        for field, source in _sources(parent).items()
        if (own := fixed_id(source)) is not None
    ]


def _in_order(parent: ModelDeployment, sources: Sequence[SourceStatus]) -> tuple[SourceStatus, ...]:
    by_field = {source.field: source for source in sources}
    return tuple(by_field[field] for field in _sources(parent))


def _sources(parent: ModelDeployment) -> Mapping[str, Mapping[str, Any]]:
    return source_fields(parent.spec.model_dump(mode="json", by_alias=True, exclude_none=True))


def _is_complete(parent: ModelDeployment, result: Resolved) -> bool:
    return uris_to_resolve(parent).keys() <= result.by_field.keys()


def _ended_at(observed: Observed, job: Object, pod: Object | None) -> str:
    """By the pod's own clock, else by the Job's; where neither says it, the last look that the status knows of."""
    terminated = (ended(pod) if pod is not None else None) or {}
    condition = find_condition(job, "Complete") or find_condition(job, "Failed") or {}
    known = observed.parent.status.last_checked_at
    return str(terminated.get("finishedAt") or condition.get("lastTransitionTime") or known or observed.now)


def _after(time: str, seconds: int) -> str:
    return (datetime.fromisoformat(time) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
