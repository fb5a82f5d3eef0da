"""What an optimization Job reports when it ends: its termination message, and the exit code beside it."""

from enum import IntEnum
from typing import Annotated, Literal

from pydantic import Field, FiniteFloat, TypeAdapter

from slipway_contract.digest import Digest
from slipway_contract.manifest import ContractModel, Derivation, Variant
from slipway_contract.source_ids import SourceId

TERMINATION_MESSAGE_LIMIT_BYTES = 4096

ExitClass = Literal["user", "internal", "infrastructure"]


class ExitCode(IntEnum):
    SUCCESS = 0
    USER = 64
    INTERNAL = 70
    INFRASTRUCTURE = 75


class Measurement(ContractModel):
    variant: Variant
    derivation: Derivation = "Original"
    size_bytes: int
    latency_us: FiniteFloat | None = None
    score: FiniteFloat | None = None


class ServingDefaults(ContractModel):
    """From the measured batch-size curve, which itself stays in the manifest."""

    batch_max_size: int
    in_flight: int


class Succeeded(ContractModel):
    result: Literal["Succeeded"] = "Succeeded"
    artifact_digest: Digest
    recipe_digest: Digest
    source_digest: Digest
    code_digest: Digest | None = None
    variant: Variant
    derivation: Derivation = "Original"
    size_bytes: int
    reference_latency_us: FiniteFloat | None = Field(
        default=None, description="PyTorch eager, where the model came as PyTorch."
    )
    reference_size_bytes: int
    baseline: Measurement
    measured: Measurement
    speedup: FiniteFloat | None = None
    speedup_low: FiniteFloat | None = Field(default=None, description="Lower end of the speed-up's 95 % interval.")
    speedup_high: FiniteFloat | None = None
    drop: FiniteFloat | None = None
    max_abs_diff: float | None = None
    reason: str = Field(description="Why this variant, in one sentence.")
    summary: str | None = Field(default=None, description="Variant, speed-up, drop and size, in one line.")
    serving: ServingDefaults | None = None
    exporter: str | None = Field(default=None, description="What made the ONNX graph.")
    report: str | None = Field(
        default=None, description="Where the report is stored, relative to the artifact's folder."
    )
    reused: bool = Field(default=False, description="The store held the artifact already; nothing was run.")


class ResolvedSource(ContractModel):
    field: str = Field(description="Path of the source in the spec: model.source, optimize.evaluate.data ...")
    digest: SourceId = Field(
        description="sha256: of the bytes, or the store's own name for this version: etag:, generation:, version:, "
        "commit:, oci:."
    )


class Resolved(ContractModel):
    """What `slipway_optimizer.resolve` found behind each URI. The URIs are the spec's, and a message has no room."""

    result: Literal["Resolved"] = "Resolved"
    sources: list[ResolvedSource]

    @property
    def by_field(self) -> dict[str, str]:
        """As `recipe_digest` takes it."""
        return {source.field: source.digest for source in self.sources}


class Failed(ContractModel):
    result: Literal["Failed"] = "Failed"
    exit_class: ExitClass
    reason: str = Field(description="CamelCase, as in a condition: SourceDigestMismatch, FactoryNotFound ...")
    message: str = Field(description="One sentence that names the culprit and says what to do.")


Result = Annotated[Succeeded | Failed, Field(discriminator="result")]
RESULT: TypeAdapter[Succeeded | Failed] = TypeAdapter(Result)

Resolution = Annotated[Resolved | Failed, Field(discriminator="result")]
RESOLUTION: TypeAdapter[Resolved | Failed] = TypeAdapter(Resolution)
