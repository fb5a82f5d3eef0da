"""`ModelDeployment` v1alpha1: the one source of the CRD, of its defaults and of its CEL rules.

`crds/` is generated from these models (`make generate`); `rules` on a class become `x-kubernetes-validations`.
"""

from typing import Annotated, Any, ClassVar, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

GROUP = "serving.slipway.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
KIND = "ModelDeployment"
PLURAL = "modeldeployments"

NAME_MAX_LENGTH = 40


class Rule(NamedTuple):
    """A CEL rule, with the sentence that its refusal shows."""

    rule: str
    message: str
    field_path: str | None = None


class ApiModel(BaseModel):
    """camelCase in JSON; unknown fields are pruned by the API server before they get here."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, extra="ignore")
    rules: ClassVar[tuple[Rule, ...]] = ()


def preserved(description: str, **extra: Any) -> Any:
    """A field whose content belongs to somebody else's schema."""
    return Field(
        default=None, description=description, json_schema_extra={"x-kubernetes-preserve-unknown-fields": True, **extra}
    )


class SecretReference(ApiModel):
    name: Annotated[str, Field(min_length=1, max_length=253, description="Name of a Secret in the same namespace.")]


class Source(ApiModel):
    """A file, by URI."""

    rules = (
        Rule(
            "self.uri.matches('^(s3|https?|pvc|file)://.+')",
            "uri must start with s3://, https://, http://, pvc:// or file://",
            ".uri",
        ),
        Rule(
            "!has(self.secretRef) || self.uri.startsWith('s3://')",
            "secretRef has an effect on s3:// only; remove it, or use an s3:// uri",
            ".secretRef",
        ),
    )
    uri: Annotated[
        str,
        Field(
            min_length=1,
            max_length=2048,
            description="Where the file is: s3://BUCKET/KEY, https://…, pvc://CLAIM/PATH, or file:///PATH inside the "
            "optimizer image.",
        ),
    ]
    sha256: Annotated[
        str | None,
        Field(
            pattern="^[0-9a-f]{64}$",
            description="SHA-256 of the file in lower-case hexadecimal, as sha256sum prints it. Other bytes are refused, "
            "and the same bytes at another uri are the same model.",
        ),
    ] = None
    secret_ref: Annotated[
        SecretReference | None,
        Field(
            description="Secret with the keys AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, optionally "
            "AWS_SESSION_TOKEN, AWS_ENDPOINT_URL and AWS_REGION."
        ),
    ] = None


DType = Literal["bool", "int8", "uint8", "int16", "int32", "int64", "float16", "float32", "float64"]
TensorName = Annotated[str, Field(min_length=1, max_length=64, pattern="^[A-Za-z_][A-Za-z0-9_.]*$")]


class Input(ApiModel):
    name: Annotated[TensorName, Field(description="The input's name in requests and in the ONNX graph.")]
    dtype: Annotated[DType, Field(description="Element type, as PyTorch names it.")] = "float32"
    shape: Annotated[
        list[Annotated[int | str, Field(json_schema_extra={"x-kubernetes-int-or-string": True})]],
        Field(
            max_length=8,
            description="One entry a dimension: a size, or a name for a dimension that varies, as in "
            "[batch, 3, 224, 224]. The same name means the same size everywhere.",
        ),
    ]


class Output(ApiModel):
    name: Annotated[TensorName, Field(description="The output's name in responses and in the ONNX graph.")]


ModelFormat = Literal["StateDict", "SafeTensors", "ExportedProgram", "ONNX"]


class Model(ApiModel):
    """The trained model: where it is, how to build it, what goes in and out."""

    rules = (
        Rule(
            "!(self.format in ['StateDict', 'SafeTensors']) || has(self.factory)",
            "format StateDict or SafeTensors holds weights only: set factory to MODULE:CALLABLE that builds the model",
            ".factory",
        ),
        Rule(
            "!(self.format in ['ExportedProgram', 'ONNX']) || !has(self.factory) && !has(self.code) && "
            "!has(self.factoryArgs) && !has(self.factoryKwargs)",
            "format ExportedProgram or ONNX holds the whole model: remove factory, factoryArgs, factoryKwargs and code",
            ".format",
        ),
        Rule(
            "!has(self.code) || has(self.factory)",
            "code is only read for factory: set factory, or remove code",
            ".code",
        ),
        Rule(
            "self.inputs.all(i, self.outputs.all(o, i.name != o.name))",
            "an input and an output have the same name: ONNX needs every name once",
            ".outputs",
        ),
    )
    source: Annotated[Source, Field(description="The checkpoint.")]
    format: Annotated[
        ModelFormat,
        Field(
            description="StateDict: torch.save(model.state_dict()). SafeTensors: the same in a .safetensors file. "
            "ExportedProgram: torch.export.save(…). ONNX: an ONNX file."
        ),
    ]
    factory: Annotated[
        str | None,
        Field(
            max_length=253,
            pattern=r"^[A-Za-z_][A-Za-z0-9_.]*:[A-Za-z_][A-Za-z0-9_.]*$",
            description="MODULE:CALLABLE that returns the torch.nn.Module to load the weights into, from a package in the "
            "optimizer image or from code.",
        ),
    ] = None
    factory_args: Annotated[
        list[Any] | None,
        Field(
            max_length=32,
            description="Positional arguments of factory.",
            json_schema_extra={"items": {"x-kubernetes-preserve-unknown-fields": True}},
        ),
    ] = None
    factory_kwargs: Annotated[
        dict[str, Any] | None,
        Field(
            description="Keyword arguments of factory.",
            json_schema_extra={"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        ),
    ] = None
    code: Annotated[
        Source | None, Field(description="Wheel, zip archive or single .py file that factory is imported from.")
    ] = None
    inputs: Annotated[list[Input], Field(min_length=1, max_length=16, description="In the order of forward().")]
    outputs: Annotated[list[Output], Field(min_length=1, max_length=16, description="In the order that forward() returns.")]


class Quantize(ApiModel):
    mode: Annotated[
        Literal["None", "FP16", "DynamicINT8", "Auto"],
        Field(
            description="None: the plain export. FP16, DynamicINT8: try this one and serve it if it holds the budget. "
            "Auto: try all, serve the fastest that holds the budget; without evaluate.data nothing that changes "
            "answers is served."
        ),
    ] = "Auto"


class Evaluate(ApiModel):
    """The budget, and the data that it is measured on."""

    data: Annotated[
        Source | None,
        Field(
            description="An .npz file with one array for each input, by name, and optionally labels. Without labels, "
            "agreement with the original model is measured."
        ),
    ] = None
    metric: Annotated[Literal["Accuracy"], Field(description="Top-1 accuracy of the first output.")] = "Accuracy"
    max_drop: Annotated[
        float, Field(ge=0, le=1, description="How much of the metric a variant may lose against the plain export.")
    ] = 0.01
    min_speedup: Annotated[
        float, Field(ge=1, le=100, description="How much faster than the plain export a variant has to be.")
    ] = 1.1


class Resources(ApiModel):
    requests: Annotated[
        dict[str, int | str] | None,
        Field(
            description="As in a container's resources.requests.",
            json_schema_extra={"additionalProperties": {"x-kubernetes-int-or-string": True}},
        ),
    ] = None
    limits: Annotated[
        dict[str, int | str] | None,
        Field(
            description="As in a container's resources.limits.",
            json_schema_extra={"additionalProperties": {"x-kubernetes-int-or-string": True}},
        ),
    ] = None


class Optimize(ApiModel):
    quantize: Annotated[Quantize, Field(description="Which numeric formats may be served.")] = Quantize()
    evaluate: Annotated[Evaluate, Field(description="The budget of accuracy and speed.")] = Evaluate()
    resources: Annotated[Resources, Field(description="CPU and memory of the optimization Job.")] = Resources()


class Accelerator(ApiModel):
    rules = (
        Rule(
            "self.count > 0 || !has(self.product) && !has(self.runtimeClassName)",
            "count 0 serves on the CPU: remove product and runtimeClassName, or set count to 1 or more",
            ".count",
        ),
    )
    resource: Annotated[
        str,
        Field(
            min_length=1,
            max_length=253,
            description="Extended resource that a device plugin advertises, such as nvidia.com/gpu or nvidia.com/mig-1g.10gb.",
        ),
    ] = "nvidia.com/gpu"
    count: Annotated[int, Field(ge=0, le=16, description="Devices for each replica; 0 serves on the CPU.")] = 1
    product: Annotated[
        str | None,
        Field(max_length=63, description="Only nodes whose label RESOURCE.product has this value, such as NVIDIA-L4."),
    ] = None
    runtime_class_name: Annotated[
        str | None, Field(max_length=253, description="RuntimeClass of the serving pods, such as nvidia.")
    ] = None


class Batching(ApiModel):
    """Requests that wait anyway are answered together. Nothing waits while the model is idle."""

    max_size: Annotated[int, Field(ge=1, le=1024, description="Most rows in one call of the model.")] = 32
    max_delay: Annotated[
        str,
        Field(pattern="^[0-9]+(us|ms|s)$", description="Longest wait for a fuller batch while the model is busy, such as 2ms."),
    ] = "2ms"


class Serve(ApiModel):
    accelerator: Annotated[Accelerator, Field(description="What each replica runs on.")] = Accelerator()
    batching: Annotated[
        Batching | None,
        Field(description="Dynamic batching; needs a named first dimension on every input. Off when absent."),
    ] = None
    queue_size: Annotated[
        int, Field(ge=1, le=100000, description="Requests that may wait in one replica; more are answered with 503.")
    ] = 128
    resources: Annotated[Resources, Field(description="CPU and memory of each replica.")] = Resources()
    pod_template: Annotated[
        dict[str, Any] | None,
        preserved(
            "Laid over the serving pods' template: maps are merged, containers by name (server, fetch), other lists "
            "replaced. For what has no field here: affinity, topologySpreadConstraints, annotations.",
            type="object",
        ),
    ] = None


class Scale(ApiModel):
    rules = (
        Rule(
            "!has(self.maxReplicas) || self.minReplicas <= self.maxReplicas",
            "minReplicas must not be above maxReplicas",
            ".minReplicas",
        ),
        Rule(
            "!has(self.maxReplicas) || self.replicas == 1",
            "the autoscaler decides between minReplicas and maxReplicas: remove maxReplicas to set replicas yourself",
            ".replicas",
        ),
        Rule(
            "has(self.maxReplicas) || self.minReplicas == 1 && self.inFlight == 8 && !has(self.metrics) && !has(self.behavior)",
            "minReplicas, inFlight, metrics and behavior need an autoscaler: set maxReplicas",
            ".maxReplicas",
        ),
    )
    replicas: Annotated[
        int, Field(ge=0, le=1000, description="Fixed number of replicas, where maxReplicas is not set. kubectl scale sets it.")
    ] = 1
    min_replicas: Annotated[int, Field(ge=1, le=1000, description="The autoscaler's lower bound.")] = 1
    max_replicas: Annotated[
        int | None, Field(ge=1, le=1000, description="The autoscaler's upper bound. Setting it turns autoscaling on.")
    ] = None
    in_flight: Annotated[
        int, Field(ge=1, le=100000, description="Requests in flight for each replica that the autoscaler aims at.")
    ] = 8
    metrics: Annotated[
        list[dict[str, Any]] | None,
        Field(
            max_length=8,
            description="More autoscaling/v2 metrics, passed through as they are.",
            json_schema_extra={"items": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
        ),
    ] = None
    behavior: Annotated[
        dict[str, Any] | None, preserved("autoscaling/v2 behavior, passed through as it is.", type="object")
    ] = None


class Store(ApiModel):
    rules = (
        Rule(
            "self.uri.matches('^(s3|pvc)://.+')",
            "uri must start with s3:// or pvc://",
            ".uri",
        ),
        Rule(
            "!has(self.secretRef) || self.uri.startsWith('s3://')",
            "secretRef has an effect on s3:// only; remove it, or use an s3:// uri",
            ".secretRef",
        ),
        Rule(
            "self.uri == oldSelf.uri",
            "store.uri is immutable, the artifacts are there: create a new ModelDeployment to use another store",
            ".uri",
        ),
    )
    uri: Annotated[
        str, Field(min_length=1, max_length=2048, description="s3://BUCKET[/PREFIX] or pvc://CLAIM[/PATH].")
    ]
    secret_ref: Annotated[
        SecretReference | None,
        Field(description="Secret for the store, with the same keys as a source's secretRef."),
    ] = None


class ModelDeploymentSpec(ApiModel):
    rules = (
        Rule(
            "has(self.store) == has(oldSelf.store)",
            "store is immutable, the artifacts are there: create a new ModelDeployment to use another store",
            ".store",
        ),
        Rule(
            "!has(self.serve.batching) || self.serve.batching.maxSize == 1 || "
            "self.model.inputs.all(i, size(i.shape) > 0 && type(i.shape[0]) == string)",
            "batching needs a named first dimension on every input, as in shape: [batch, 3, 224, 224]; name it, or remove "
            "serve.batching",
            ".serve.batching",
        ),
    )
    model: Model
    optimize: Annotated[Optimize, Field(description="What the optimization Job may do, and the budget.")] = Optimize()
    serve: Annotated[Serve, Field(description="How the model is served.")] = Serve()
    scale: Annotated[Scale, Field(description="How many replicas.")] = Scale()
    store: Annotated[
        Store | None,
        Field(description="Where artifacts are kept. Absent: a PersistentVolumeClaim of this ModelDeployment's own."),
    ] = None


class Condition(ApiModel):
    """As in metav1.Condition."""

    type: str
    status: Literal["True", "False", "Unknown"]
    observed_generation: int | None = None
    last_transition_time: str | None = None
    reason: str
    message: str


class OptimizationStatus(ApiModel):
    """The Job that runs now."""

    job_name: str
    stage: str | None = None
    progress_percent: int | None = None
    started_at: str | None = None


class MeasuredStatus(ApiModel):
    size_bytes: int
    latency_microseconds: int | None = None
    score: str | None = None


class ArtifactStatus(ApiModel):
    """An artifact in the store, and what it was measured to be."""

    digest: str
    recipe_digest: str
    uri: str
    source_digest: str
    code_digest: str | None = None
    optimizer_image: str
    hardware_class: str
    variant: str
    size_bytes: int
    speedup: Annotated[str | None, Field(description="Latency of the plain export over that of the served variant.")] = None
    drop: Annotated[str | None, Field(description="The metric's loss against the plain export.")] = None
    reason: Annotated[str, Field(description="Why this variant is served.")]
    reference: Annotated[MeasuredStatus, Field(description="The model as it came: PyTorch eager, or the given ONNX file.")]
    baseline: Annotated[MeasuredStatus, Field(description="The plain FP32 export in ONNX Runtime.")]
    measured: Annotated[MeasuredStatus, Field(description="The variant that is served.")]


class ModelDeploymentStatus(ApiModel):
    observed_generation: int | None = None
    conditions: Annotated[
        list[Condition],
        Field(json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}),
    ] = []
    optimization: OptimizationStatus | None = None
    artifact: Annotated[ArtifactStatus | None, Field(description="The artifact that is served.")] = None
    artifact_history: Annotated[
        list[ArtifactStatus],
        Field(
            max_length=5,
            description="Earlier artifacts, newest first: going back to their recipe needs no Job.",
            json_schema_extra={"x-kubernetes-list-type": "atomic"},
        ),
    ] = []
    runtime_image: Annotated[str | None, Field(description="The serving image; it changes with the artifact only.")] = None
    execution_provider: Annotated[
        str | None, Field(description="ONNX Runtime execution provider that a ready replica reports.")
    ] = None
    url: Annotated[str | None, Field(description="Base URL inside the cluster.")] = None
    replicas: int | None = None
    ready_replicas: int | None = None
    selector: Annotated[str | None, Field(description="Label selector of the serving pods.")] = None


class ModelDeployment(ApiModel):
    """A trained model, from its checkpoint to a served and autoscaled endpoint."""

    rules = (
        Rule(
            f"size(self.metadata.name) <= {NAME_MAX_LENGTH}",
            f"metadata.name must be at most {NAME_MAX_LENGTH} characters: the names of its children are longer",
        ),
    )
    api_version: str = API_VERSION
    kind: str = KIND
    metadata: dict[str, Any]
    spec: ModelDeploymentSpec
    status: ModelDeploymentStatus = ModelDeploymentStatus()
