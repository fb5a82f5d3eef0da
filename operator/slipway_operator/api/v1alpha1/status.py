"""`status`: what the operator saw. Nothing here has a default in the schema: an empty status stays empty."""

from typing import Annotated, Literal

from pydantic import Field

from slipway_operator.api.v1alpha1.base import ApiModel

HISTORY_MAX_LENGTH = 20
_TIME = {"format": "date-time"}


class Condition(ApiModel):
    """As in metav1.Condition."""

    type: Annotated[str, Field(description="Optimized, Available, Scaling or Ready.")]
    status: Annotated[Literal["True", "False", "Unknown"], Field(description="Whether the condition holds.")]
    observed_generation: Annotated[
        int | None, Field(description="The metadata.generation that this condition was found for.")
    ] = None
    last_transition_time: Annotated[
        str | None, Field(description="When status last changed, RFC 3339.", json_schema_extra=_TIME)
    ] = None
    reason: Annotated[str, Field(description="One CamelCase word for programs.")]
    message: Annotated[str, Field(description="A sentence for people: what is the matter, and what to do.")]


class SourceStatus(ApiModel):
    """A source of the spec, and the bytes that it stands for."""

    field: Annotated[str, Field(description="Path of the source in the spec, such as model.source.")]
    uri: Annotated[str, Field(description="Its uri; of a signed one, a fingerprint of the query.")]
    digest: Annotated[
        str,
        Field(
            description="sha256: of the bytes, or what the store itself calls this version and no other: etag:, "
            "generation:, version:, commit: or oci:."
        ),
    ]
    resolved_at: Annotated[
        str | None,
        Field(
            description="When the uri was first seen to lead there; absent where the spec says it.",
            json_schema_extra=_TIME,
        ),
    ] = None


class OptimizationStatus(ApiModel):
    """The Job that runs now."""

    job_name: Annotated[str, Field(description="Name of the Job: kubectl logs job/NAME shows all of it.")]
    stage: Annotated[
        str | None,
        Field(
            description="Fetch, Load, Prune, Distill, Export, Verify, Quantize, Measure or Publish, in this order; "
            "Resolve for the Job that looks behind the uris."
        ),
    ] = None
    progress_percent: Annotated[int | None, Field(description="How much of the whole Job is done, 0 to 100.")] = None
    eta_seconds: Annotated[
        int | None, Field(description="Seconds that the stage would still take when this was reported, where known.")
    ] = None
    estimated_completion_at: Annotated[
        str | None, Field(description="When the stage will have ended, by etaSeconds.", json_schema_extra=_TIME)
    ] = None
    started_at: Annotated[str | None, Field(description="When the Job started, RFC 3339.", json_schema_extra=_TIME)] = (
        None
    )


class MeasuredStatus(ApiModel):
    """What was measured of one form of the model, in the Job."""

    size_bytes: Annotated[int, Field(description="Size of the file in bytes.", json_schema_extra={"format": "int64"})]
    latency_microseconds: Annotated[int | None, Field(description="Median time of one call, in microseconds.")] = None
    score: Annotated[str | None, Field(description="The metric on evaluate.data, a decimal number from 0 to 1.")] = None


class ServingStatus(ApiModel):
    """What was measured to serve best; it stands in for what the spec leaves out."""

    batch_max_size: Annotated[
        int | None, Field(description="Default of serve.batching.maxSize; 1 where batching does not pay.")
    ] = None
    in_flight: Annotated[int | None, Field(description="Default of scale.inFlight.")] = None


class ArtifactStatus(ApiModel):
    """An artifact in the store, and what it was measured to be."""

    digest: Annotated[str, Field(description="sha256: and the hexadecimal digest of the artifact's manifest.json.")]
    recipe_digest: Annotated[
        str, Field(description="Digest of all that decided the artifact. The same recipe runs no second Job.")
    ]
    uri: Annotated[str, Field(description="The artifact's own folder in the store.")]
    source_digest: Annotated[str, Field(description="Digest of the checkpoint's bytes, as they were fetched.")]
    code_digest: Annotated[str | None, Field(description="Digest of the code's bytes, where there was code.")] = None
    optimizer_image: Annotated[str, Field(description="Image of the Job that made it.")]
    hardware_class: Annotated[
        str, Field(description="What it was measured on: cpu, cpu-2 with a limit of 2 CPUs, or the accelerator.")
    ]
    sources: Annotated[
        list[SourceStatus] | None,
        Field(
            description="The bytes that it was made from. Absent in those of earlier versions, which did not look.",
            json_schema_extra={"x-kubernetes-list-type": "atomic"},
        ),
    ] = None
    summary: Annotated[str | None, Field(description="Variant, speed-up, drop and size, in one line.")] = None
    derivation: Annotated[str | None, Field(description="What the weights are: Original, Pruned or Distilled.")] = None
    exporter: Annotated[str | None, Field(description="What made the ONNX graph.")] = None
    report_uri: Annotated[
        str | None, Field(description="Where report.html is: every candidate, and why each lost.")
    ] = None
    serving: Annotated[
        ServingStatus | None,
        Field(description="Serving defaults from the measured curve of batch sizes, where one was measured."),
    ] = None
    variant: Annotated[str, Field(description="Numeric format that is served, such as FP32 or DynamicINT8.")]
    size_bytes: Annotated[int, Field(description="Size of model.onnx in bytes.", json_schema_extra={"format": "int64"})]
    speedup: Annotated[
        str | None, Field(description="Latency of the plain export over that of the served variant, such as 1.9.")
    ] = None
    drop: Annotated[str | None, Field(description="The metric's loss against the plain export, such as 0.004.")] = None
    reason: Annotated[str, Field(description="Why this variant is served.")]
    reference: Annotated[
        MeasuredStatus, Field(description="The model as it came: PyTorch eager, or the given ONNX file.")
    ]
    baseline: Annotated[MeasuredStatus, Field(description="The plain FP32 export in ONNX Runtime.")]
    measured: Annotated[MeasuredStatus, Field(description="The variant that is served.")]


class ModelDeploymentStatus(ApiModel):
    """What the operator saw."""

    observed_generation: Annotated[
        int | None, Field(description="The metadata.generation that this status was found for.")
    ] = None
    conditions: Annotated[
        list[Condition],
        Field(
            description="Optimized: the artifact that the spec asks for exists. Available: a replica serves it. "
            "Scaling: the number of replicas is under control. Ready: all of them.",
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
        ),
    ] = Field(default_factory=list)
    sources: Annotated[
        list[SourceStatus],
        Field(
            description="The bytes behind the spec's sources.",
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["field"]},
        ),
    ] = Field(default_factory=list)
    last_checked_at: Annotated[
        str | None, Field(description="When the uris were last looked at, RFC 3339.", json_schema_extra=_TIME)
    ] = None
    check_failure: Annotated[
        str | None,
        Field(description="Why the last look came to nothing, while an earlier one is served."),
    ] = None
    optimization: Annotated[OptimizationStatus | None, Field(description="The Job that runs now.")] = None
    artifact: Annotated[ArtifactStatus | None, Field(description="The artifact that is served.")] = None
    artifact_history: Annotated[
        list[ArtifactStatus],
        Field(
            max_length=HISTORY_MAX_LENGTH,
            description="Earlier artifacts, newest first, at most spec.revisionHistoryLimit: going back to their "
            "recipe needs no Job.",
            json_schema_extra={"x-kubernetes-list-type": "atomic"},
        ),
    ] = Field(default_factory=list)
    runtime_image: Annotated[
        str | None, Field(description="The serving image. It changes with the artifact only, never with the operator.")
    ] = None
    execution_provider: Annotated[
        str | None,
        Field(
            description="ONNX Runtime execution provider that a ready replica reports, such as CUDAExecutionProvider."
        ),
    ] = None
    url: Annotated[str | None, Field(description="Base URL inside the cluster.")] = None
    replicas: Annotated[int | None, Field(description="Serving pods.")] = None
    ready_replicas: Annotated[
        int | None,
        Field(description="Serving pods that answered the artifact's golden request with the right numbers."),
    ] = None
    selector: Annotated[str | None, Field(description="Label selector of the serving pods.")] = None
