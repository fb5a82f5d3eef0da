"""The recipe that the spec asks for: with the image that already made it, makes it, or is to make it.

So an upgrade of the operator optimizes nothing again, and stops no Job that runs.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from slipway_contract.recipe import CPU_HARDWARE_CLASS, recipe_digest
from slipway_operator.api.v1alpha1 import ArtifactStatus, ModelDeployment, SourceStatus
from slipway_operator.objects.names import HARDWARE_CLASS, RECIPE_DIGEST
from slipway_operator.objects.node_class import hardware_class
from slipway_operator.objects.resolve_job import uris_to_resolve
from slipway_operator.ownership import is_deleting
from slipway_operator.stages.job_result import annotation_of, has_failed, optimizer_image_of
from slipway_operator.state import Observed, Recipe


def build_recipe(parent: ModelDeployment, optimizer_image: str, sources: Sequence[SourceStatus]) -> Recipe:
    """The recipe of the spec with its defaults, so that leaving one out is the same as writing it down."""
    class_ = hardware_class(parent)
    resolved = {source.field: source.digest for source in sources}
    digest = recipe_digest(_spec(parent), optimizer_image=optimizer_image, hardware_class=class_, resolved=resolved)
    return Recipe(digest, optimizer_image, class_, tuple(sources))


def build_first_recipe(parent: ModelDeployment, optimizer_image: str) -> Recipe:
    """The same in Slipway 0.1, which measured everything on the CPU and looked behind no URI."""
    digest = recipe_digest(_spec(parent), optimizer_image=optimizer_image, hardware_class=CPU_HARDWARE_CLASS)
    return Recipe(digest, optimizer_image, CPU_HARDWARE_CLASS, None)


def known_artifacts(parent: ModelDeployment) -> list[ArtifactStatus]:
    """Newest first."""
    status = parent.status
    return [*([status.artifact] if status.artifact else []), *status.artifact_history]


def find_recipe(observed: Observed, sources: Sequence[SourceStatus] | None) -> Recipe | None:
    """The recipe with these sources; None where they are not known and no artifact or Job of 0.1 stands for them."""
    return _of_artifacts(observed, sources) or _of_jobs(observed, sources) or _of_new_jobs(observed, sources)


def follows_new_bytes(parent: ModelDeployment) -> bool:
    return parent.spec.update_policy.mode == "OnDigestChange" and bool(uris_to_resolve(parent))


def _of_artifacts(observed: Observed, sources: Sequence[SourceStatus] | None) -> Recipe | None:
    parent = observed.parent
    for artifact in known_artifacts(parent):
        recipes = _possible(parent, artifact.optimizer_image, sources, is_first=artifact.sources is None)
        if found := _with_digest(recipes, artifact.recipe_digest):
            return found
    return None


def _of_jobs(observed: Observed, sources: Sequence[SourceStatus] | None) -> Recipe | None:
    for job in observed.jobs:
        digest = annotation_of(job, RECIPE_DIGEST)
        if digest is None or is_deleting(job) or has_failed(job):
            continue
        is_first = annotation_of(job, HARDWARE_CLASS) is None
        recipes = _possible(observed.parent, optimizer_image_of(job), sources, is_first=is_first)
        if found := _with_digest(recipes, digest):
            return found
    return None


def _of_new_jobs(observed: Observed, sources: Sequence[SourceStatus] | None) -> Recipe | None:
    if sources is None:
        return None
    spec, settings = observed.parent.spec, observed.settings
    ours = settings.optimizer_image_gpu if spec.serve.accelerator.count else settings.optimizer_image_cpu
    return build_recipe(observed.parent, spec.optimize.image or ours, sources)


def _possible(
    parent: ModelDeployment, image: str, sources: Sequence[SourceStatus] | None, *, is_first: bool
) -> Iterable[Recipe]:
    if sources is not None:
        yield build_recipe(parent, image, sources)
    if is_first and not follows_new_bytes(parent):
        yield build_first_recipe(parent, image)


def _with_digest(recipes: Iterable[Recipe], digest: str) -> Recipe | None:
    return next((recipe for recipe in recipes if recipe.digest == digest), None)


def _spec(parent: ModelDeployment) -> dict[str, Any]:
    return parent.spec.model_dump(mode="json", by_alias=True, exclude_none=True)
