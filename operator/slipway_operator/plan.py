"""Which artifact the spec asks for, and which one can be served now."""

from typing import Any

from slipway_contract.recipe import CPU_HARDWARE_CLASS, recipe_digest
from slipway_operator.api.v1alpha1 import ArtifactStatus, ModelDeployment
from slipway_operator.objects.store import artifact_uri
from slipway_operator.ownership import is_deleting
from slipway_operator.stages.job_result import (
    build_artifact,
    has_failed,
    job_of,
    optimizer_image_of,
    success_of,
)
from slipway_operator.stages.store_loss import is_lost
from slipway_operator.state import Observed, Plan

HISTORY_LIMIT = 5  # as in the schema of status.artifactHistory
HARDWARE_CLASS = CPU_HARDWARE_CLASS  # the Job has no accelerator: what it measures, it measures on the CPU


def plan_artifact(observed: Observed) -> Plan:
    """The recipe that the spec asks for, with the image that already made it, makes it, or is to make it."""
    image = _optimizer_image(observed)
    digest = recipe_of(observed.parent, image)
    served = observed.parent.status.artifact
    artifact = _artifact_of(observed, digest, image) or served
    return Plan(
        recipe_digest=digest,
        optimizer_image=image,
        hardware_class=HARDWARE_CLASS,
        artifact=artifact,
        artifact_history=_history(observed.parent, artifact),
        artifact_is_lost=artifact is not None and is_lost(observed, artifact),
    )


def recipe_of(parent: ModelDeployment, optimizer_image: str) -> str:
    """The recipe digest of the spec with its defaults, so that leaving one out is the same as writing it down."""
    spec: dict[str, Any] = parent.spec.model_dump(mode="json", by_alias=True, exclude_none=True)
    return recipe_digest(spec, optimizer_image=optimizer_image, hardware_class=HARDWARE_CLASS)


def _optimizer_image(observed: Observed) -> str:
    """The image of an artifact or of a Job for this very spec, else the one that new Jobs get.

    So an upgrade of the operator optimizes nothing again, and stops no Job that runs.
    """
    parent = observed.parent
    for artifact in _known_artifacts(parent):
        if artifact.recipe_digest == recipe_of(parent, artifact.optimizer_image):
            return artifact.optimizer_image
    for job in observed.jobs:
        image = optimizer_image_of(job)
        if not (is_deleting(job) or has_failed(job)) and job is job_of(observed, recipe_of(parent, image)):
            return image
    return observed.settings.optimizer_image


def _known_artifacts(parent: ModelDeployment) -> list[ArtifactStatus]:
    """Newest first."""
    status = parent.status
    return [*([status.artifact] if status.artifact else []), *status.artifact_history]


def _known_artifact(parent: ModelDeployment, digest: str) -> ArtifactStatus | None:
    return next((artifact for artifact in _known_artifacts(parent) if artifact.recipe_digest == digest), None)


def _artifact_of(observed: Observed, digest: str, image: str) -> ArtifactStatus | None:
    """The recipe's artifact: as it is known, unless the Job has made another since, for one that the store lost."""
    known, new = _known_artifact(observed.parent, digest), _new_artifact(observed, digest, image)
    return known if new is None or (known and known.digest == new.digest) else new


def _new_artifact(observed: Observed, digest: str, image: str) -> ArtifactStatus | None:
    job = job_of(observed, digest)
    result = success_of(observed, job) if job else None
    if result is None or result.recipe_digest != digest:
        return None
    return build_artifact(
        result,
        uri=artifact_uri(observed.parent, digest),
        recipe_digest=digest,
        optimizer_image=image,
        hardware_class=HARDWARE_CLASS,
    )


def _history(parent: ModelDeployment, served: ArtifactStatus | None) -> tuple[ArtifactStatus, ...]:
    """Every other artifact, newest first, each recipe once."""
    known = {artifact.recipe_digest: artifact for artifact in _known_artifacts(parent)}
    others = [artifact for digest, artifact in known.items() if served is None or digest != served.recipe_digest]
    return tuple(others[:HISTORY_LIMIT])
