"""`manifest.json`: what an artifact is, what it was measured to be, and the request that proves it."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from slipway_contract.digest import Digest

MANIFEST_FILE = "manifest.json"
MODEL_FILE = "model.onnx"
SCHEMA_VERSION = 1

Variant = Literal["FP32", "FP16", "DynamicINT8"]
DType = Literal["bool", "int8", "uint8", "int16", "int32", "int64", "float16", "float32", "float64"]


class ContractModel(BaseModel):
    """camelCase in JSON, frozen, and tolerant of fields that a later version adds."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, extra="ignore")


class TensorSpec(ContractModel):
    """An input or output. `shape` holds sizes, and names for dynamic axes."""

    name: str
    dtype: DType
    shape: list[int | str]


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
    """One variant that was built and measured, whether it won or not."""

    variant: Variant
    size_bytes: int | None = Field(default=None, description="None where the variant could not be built.")
    latency: Latency | None = None
    speedup: float | None = Field(
        default=None, description="Latency of the plain FP32 export over this one's, interleaved."
    )
    max_abs_diff: float | None = Field(
        default=None, description="Worst difference from PyTorch (from the source for ONNX)."
    )
    score: float | None = Field(default=None, description="The metric on the evaluation data, where there is any.")
    drop: float | None = Field(default=None, description="The FP32 export's score minus this one's.")
    chosen: bool = False
    reason: str = Field(description="Why it was chosen, or why not, in one sentence.")


class Reference(ContractModel):
    """What the candidates are compared with: the model as it came."""

    framework: Literal["PyTorch", "ONNX"]
    size_bytes: int
    latency: Latency | None = None
    score: float | None = None


class GoldenTensor(ContractModel):
    name: str
    dtype: DType
    shape: list[int]
    data: list[Any] = Field(description="Row-major, flat.")


class Golden(ContractModel):
    """A request and its right answer: a server that cannot reproduce it is not ready.

    An output passes when `|got - expected| <= atol + rtol * |expected|` everywhere.
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


class Manifest(ContractModel):
    schema_version: Literal[1] = 1
    model: str
    recipe_digest: Digest
    source_digest: Digest
    code_digest: Digest | None = None
    variant: Variant
    opset: int
    inputs: list[TensorSpec]
    outputs: list[TensorSpec]
    files: list[FileEntry]
    reference: Reference
    candidates: list[Candidate]
    golden: Golden
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
