"""`manifest.json`: what an artifact is, what it was measured to be, and the request that proves it."""

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from slipway_contract.digest import Digest

MANIFEST_FILE = "manifest.json"
MODEL_FILE = "model.onnx"
REPORT_FILE = "report.html"
SCHEMA_VERSION = 1

Variant = Literal["FP32", "FP16", "DynamicINT8", "StaticINT8", "INT4"]
Derivation = Literal["Original", "Pruned", "Distilled", "DistilledPruned"]
Objective = Literal["Latency", "Throughput", "Size"]
DType = Literal["bool", "int8", "uint8", "int16", "int32", "int64", "float16", "float32", "float64"]
TensorDType = Literal[DType, "uint16", "uint32", "uint64", "bfloat16", "string"]
"""What a model's inputs and outputs may be of: more than a spec can ask for, since ONNX models bring their own."""


class ContractModel(BaseModel):
    """camelCase in JSON, frozen, and tolerant of fields that a later version adds."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, extra="ignore")


class TensorSpec(ContractModel):
    """An input or output. `shape` holds sizes, and names for dynamic axes."""

    name: str
    dtype: TensorDType
    shape: list[int | str]


def batch_axis(inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> str | None:
    """The axis along which requests may share a call: dynamic, and the first of every input and output."""
    leading = {tensor.shape[0] if tensor.shape else 0 for tensor in (*inputs, *outputs)}
    axis = next(iter(leading))
    return axis if len(leading) == 1 and isinstance(axis, str) else None


class FileEntry(ContractModel):
    path: str = Field(description="Relative to the artifact's folder, `/` as separator, never leaving it.")
    sha256: Digest
    size_bytes: int
    object_key: str | None = Field(
        default=None,
        description="The name in an object store, relative to the artifact's prefix, where it is not `path`: there, "
        "files are named by content, so that two publishers of one recipe never mix theirs.",
    )

    @property
    def stored_as(self) -> str:
        """Where the store holds the file, relative to the artifact's folder; it is served as `path`."""
        return self.object_key or self.path


class Latency(ContractModel):
    """Measured wall time of one call, in microseconds, at the batch size given."""

    batch_size: int
    p50_us: float
    p90_us: float
    runs: int


class Candidate(ContractModel):
    """One model that was built and measured, whether it won or not."""

    variant: Variant
    derivation: Derivation = Field(default="Original", description="What was done to the weights before the export.")
    execution_provider: str | None = Field(
        default=None, description="ONNX Runtime's name of what ran it, where it is another than the plain export's."
    )
    size_bytes: int | None = Field(default=None, description="None where the variant could not be built.")
    latency: Latency | None = None
    speedup: float | None = Field(
        default=None, description="Latency of the plain FP32 export over this one's, interleaved."
    )
    speedup_low: float | None = Field(default=None, description="Lower end of the speed-up's 95 % interval.")
    speedup_high: float | None = Field(default=None, description="Upper end of it.")
    max_abs_diff: float | None = Field(
        default=None, description="Worst difference from PyTorch (from the source for ONNX)."
    )
    score: float | None = Field(default=None, description="The metric on the evaluation data, where there is any.")
    drop: float | None = Field(
        default=None, description="How much worse the score is than the FP32 export's; negative where it is better."
    )
    details: dict[str, Any] = Field(
        default_factory=dict,
        description="How it was made: sparsity, losses, layers left in float.",
    )
    chosen: bool = False
    reason: str = Field(description="Why it was chosen, or why not, in one sentence.")

    @property
    def name(self) -> str:
        """As sentences call it: `StaticINT8`, `Pruned FP32`."""
        return candidate_name(self.variant, self.derivation, self.execution_provider)


def candidate_name(variant: Variant, derivation: Derivation, execution_provider: str | None = None) -> str:
    """As sentences call a candidate."""
    derived = "" if derivation == "Original" else f"{derivation} "
    provider = f" ({execution_provider.removesuffix('ExecutionProvider')})" if execution_provider else ""
    return derived + variant + provider


class Reference(ContractModel):
    """What the candidates are compared with: the model as it came."""

    framework: Literal["PyTorch", "ONNX"]
    size_bytes: int
    latency: Latency | None = None
    score: float | None = None


class GoldenTensor(ContractModel):
    name: str
    dtype: TensorDType
    shape: list[int]
    data: list[Any] = Field(description="Row-major, flat.")
    atol: float | None = Field(
        default=None, description="Of an output: its own tolerance, because outputs may be of different scales."
    )


class Golden(ContractModel):
    """A request and its right answer: a server that cannot reproduce it is not ready.

    An output passes when `|got - expected| <= atol + rtol * |expected|` everywhere; its own `atol` goes first.
    """

    inputs: list[GoldenTensor]
    outputs: list[GoldenTensor]
    atol: float
    rtol: float


class Hardware(ContractModel):
    """Where the measurements were taken."""

    hardware_class: str
    cpu: str
    threads: int
    accelerator: str | None = Field(default=None, description="The product's name, where the model runs on one.")


class BatchPoint(ContractModel):
    """One point of the batch-size curve."""

    batch_size: int
    p50_us: float
    rows_per_second: float


class Serving(ContractModel):
    """What the measured batch-size curve says about serving: the defaults where the user sets nothing."""

    batch_max_size: int = Field(description="1: batching does not pay, or the model has no dynamic batch.")
    in_flight: int = Field(description="Requests in flight that one replica works off without needless waiting.")
    batch_curve: list[BatchPoint] = Field(default_factory=list)


class Exporter(ContractModel):
    """How the ONNX file came to be."""

    name: str
    reason: str


class Budget(ContractModel):
    """What was asked for; absent limits are None."""

    objective: Objective = "Latency"
    metric: str | None = Field(default=None, description="None where there was no evaluation data.")
    max_drop: float
    min_speedup: float
    max_size_bytes: int | None = None
    max_latency_us: float | None = None


class Manifest(ContractModel):
    schema_version: Literal[1] = 1
    model: str
    recipe_digest: Digest
    source_digest: Digest
    code_digest: Digest | None = None
    variant: Variant
    derivation: Derivation = "Original"
    execution_provider: str | None = Field(
        default=None, description="What it was measured on and is served with; None in artifacts that do not say."
    )
    engine_shapes: dict[str, str] | None = Field(
        default=None, description="TensorRT's settings for the shapes that its engine is for."
    )
    opset: int
    inputs: list[TensorSpec]
    outputs: list[TensorSpec]
    files: list[FileEntry]
    reference: Reference
    candidates: list[Candidate]
    golden: Golden
    serving: Serving | None = None
    exporter: Exporter | None = None
    budget: Budget | None = None
    hardware: Hardware
    tools: dict[str, str]

    def to_bytes(self) -> bytes:
        """The bytes of `manifest.json`, over which the artifact digest is taken."""
        return self.model_dump_json(by_alias=True, exclude_none=True).encode()

    @property
    def chosen(self) -> Candidate:
        return next(candidate for candidate in self.candidates if candidate.chosen)

    @property
    def baseline(self) -> Candidate:
        """The plain FP32 export, or the ONNX model as it came."""
        return self.candidates[0]
