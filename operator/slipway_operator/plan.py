"""Which artifact the spec asks for, and which one can be served now."""

from slipway_operator.api.v1alpha1 import ArtifactStatus, ModelDeployment
from slipway_operator.objects.store import artifact_uri
from slipway_operator.recipes import find_recipe, known_artifacts
from slipway_operator.resolution import known_sources, last_look, plan_resolution
from slipway_operator.stages.job_result import build_artifact, job_of, success_of
from slipway_operator.stages.store_loss import is_lost
from slipway_operator.state import Observed, Plan, Recipe


def plan_artifact(observed: Observed) -> Plan:
    """From the sources to the recipe, and from the recipe to what is served."""
    look = last_look(observed)
    sources = known_sources(observed, look)
    recipe = find_recipe(observed, sources)
    served = observed.parent.status.artifact
    artifact = (_artifact_of(observed, recipe) if recipe else None) or served
    return Plan(
        recipe=recipe,
        resolution=plan_resolution(observed, recipe, sources, look),
        artifact=artifact,
        artifact_history=_history(observed.parent, artifact),
        artifact_is_lost=artifact is not None and is_lost(observed, artifact),
    )


def _artifact_of(observed: Observed, recipe: Recipe) -> ArtifactStatus | None:
    """The recipe's artifact: as it is known, unless the Job has made another since, for one that the store lost."""
    artifacts = known_artifacts(observed.parent)
    known = next((artifact for artifact in artifacts if artifact.recipe_digest == recipe.digest), None)
    new = _new_artifact(observed, recipe)
    return known if new is None or (known and known.digest == new.digest) else new


def _new_artifact(observed: Observed, recipe: Recipe) -> ArtifactStatus | None:
    job = job_of(observed, recipe.digest)
    result = success_of(observed, job) if job else None
    if result is None or result.recipe_digest != recipe.digest:
        return None
    return build_artifact(
        result,
        uri=artifact_uri(observed.parent, recipe.digest),
        recipe=recipe,
        metric=observed.parent.spec.optimize.evaluate.metric,
    )


def _history(parent: ModelDeployment, served: ArtifactStatus | None) -> tuple[ArtifactStatus, ...]:
    """Every other artifact, newest first, each recipe once."""
    known = {artifact.recipe_digest: artifact for artifact in known_artifacts(parent)}
    others = [artifact for digest, artifact in known.items() if served is None or digest != served.recipe_digest]
    return tuple(others[: parent.spec.revision_history_limit])
