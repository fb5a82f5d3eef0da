"""What an optimization Job came to: its state, and the result in its pod's termination message."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from slipway_contract.result import Failed, Measurement, Resolved, ServingDefaults, Succeeded
from slipway_operator.api.v1alpha1 import ArtifactStatus, MeasuredStatus, ServingStatus
from slipway_operator.objects import job, resolve_job
from slipway_operator.objects.names import RECIPE_DIGEST
from slipway_operator.ownership import controlled_by, uid_of
from slipway_operator.stages.pods import has_condition, name_of, terminated_state
from slipway_operator.stages.summary import summarize
from slipway_operator.state import Object, Observed, Recipe

CONTAINERS = (job.CONTAINER, resolve_job.CONTAINER)
RESULT: TypeAdapter[Succeeded | Resolved | Failed] = TypeAdapter(
    Annotated[Succeeded | Resolved | Failed, Field(discriminator="result")]
)


def job_of(observed: Observed, recipe_digest: str) -> Object | None:
    """The Job of a recipe, by its annotation."""
    return next((job for job in observed.jobs if annotation_of(job, RECIPE_DIGEST) == recipe_digest), None)


def annotation_of(item: Object, key: str) -> str | None:
    return (item["metadata"].get("annotations") or {}).get(key)


def pods_of(observed: Observed, job: Object) -> list[Object]:
    """Oldest first, by name where they are of the same second. Those of an earlier Job of that name are not its own."""
    pods = controlled_by(observed.job_pods, [uid_of(job)])
    return sorted(pods, key=lambda pod: (str(pod["metadata"].get("creationTimestamp", "")), name_of(pod)))


def has_failed(job: Object) -> bool:
    return has_condition(job, "Failed")


def is_complete(job: Object) -> bool:
    return has_condition(job, "Complete")


def optimizer_image_of(job: Object) -> str:
    return str(job["spec"]["template"]["spec"]["containers"][0]["image"])


def container_of(pod: Object) -> str:
    """The optimizer's own among the pod's containers: others may have been put beside it."""
    names = [str(item["name"]) for item in pod["spec"].get("containers") or ()]
    return next((name for name in names if name in CONTAINERS), job.CONTAINER)


def ended(pod: Object) -> Mapping[str, Any] | None:
    """How the optimizer ended in this pod, if it did."""
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    status = next((status for status in statuses if status["name"] == container_of(pod)), None)
    return terminated_state(status) if status else None


def result_of(pod: Object) -> Succeeded | Resolved | Failed | None:
    """The result in the pod's termination message; None where it has none, or none that can be read."""
    terminated = ended(pod)
    if terminated is None or not terminated.get("message"):
        return None
    try:
        return RESULT.validate_json(terminated["message"])
    except ValidationError:
        return None


def success_of(observed: Observed, job: Object) -> Succeeded | None:
    results = (result_of(pod) for pod in pods_of(observed, job))
    return next((result for result in results if isinstance(result, Succeeded)), None)


def build_artifact(result: Succeeded, *, uri: str, recipe: Recipe, metric: str) -> ArtifactStatus:
    """What the status says of a new artifact. Kubernetes APIs have no floats: ratios are text."""
    artifact = ArtifactStatus(
        digest=result.artifact_digest,
        recipe_digest=recipe.digest,
        uri=uri,
        source_digest=result.source_digest,
        code_digest=result.code_digest,
        optimizer_image=recipe.optimizer_image,
        hardware_class=recipe.hardware_class,
        sources=None if recipe.sources is None else list(recipe.sources),
        derivation=result.derivation,
        exporter=result.exporter,
        report_uri=f"{uri}/{result.report}" if result.report else None,
        serving=_serving(result.serving),
        variant=result.variant,
        size_bytes=result.size_bytes,
        speedup=None if result.speedup is None else f"{result.speedup:.2f}",
        drop=None if result.drop is None else f"{result.drop:.4f}",
        reason=result.reason,
        reference=MeasuredStatus(
            size_bytes=result.reference_size_bytes,
            latency_microseconds=_whole(result.reference_latency_us),
        ),
        baseline=_measured(result.baseline),
        measured=_measured(result.measured),
    )
    return artifact.model_copy(update={"summary": result.summary or summarize(artifact, metric)})


def _serving(defaults: ServingDefaults | None) -> ServingStatus | None:
    if defaults is None:
        return None
    return ServingStatus(batch_max_size=defaults.batch_max_size, in_flight=defaults.in_flight)


def _measured(measurement: Measurement) -> MeasuredStatus:
    return MeasuredStatus(
        size_bytes=measurement.size_bytes,
        latency_microseconds=_whole(measurement.latency_us),
        score=None if measurement.score is None else f"{measurement.score:.4f}",
    )


def _whole(number: float | None) -> int | None:
    return None if number is None else round(number)
