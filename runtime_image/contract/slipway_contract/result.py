"""What an optimization Job reports when it ends: its termination message, and the exit code beside it."""

from enum import IntEnum
from typing import Annotated, Literal

from pydantic import Field, FiniteFloat, TypeAdapter

from slipway_contract.digest import Digest
from slipway_contract.manifest import ContractModel, Variant

TERMINATION_MESSAGE_LIMIT_BYTES = 4096

ExitClass = Literal["user", "internal", "infrastructure"]


class ExitCode(IntEnum):
    SUCCESS = 0
    USER = 64
    INTERNAL = 70
    INFRASTRUCTURE = 75


class Measurement(ContractModel):
    variant: Variant
    size_bytes: int
    latency_us: FiniteFloat | None = None
    score: FiniteFloat | None = None


class Succeeded(ContractModel):
    result: Literal["Succeeded"] = "Succeeded"
    artifact_digest: Digest
    recipe_digest: Digest
    source_digest: Digest
    code_digest: Digest | None = None
    variant: Variant
    size_bytes: int
    reference_latency_us: FiniteFloat | None = Field(
        default=None, description="PyTorch eager, where the model came as PyTorch."
    )
    reference_size_bytes: int
    baseline: Measurement
    measured: Measurement
    speedup: FiniteFloat | None = None
    drop: FiniteFloat | None = None
    max_abs_diff: float | None = None
    reason: str = Field(description="Why this variant, in one sentence.")
    reused: bool = Field(default=False, description="The store held the artifact already; nothing was run.")


class Failed(ContractModel):
    result: Literal["Failed"] = "Failed"
    exit_class: ExitClass
    reason: str = Field(description="CamelCase, as in a condition: SourceDigestMismatch, FactoryNotFound ...")
    message: str = Field(description="One sentence that names the culprit and says what to do.")


Result = Annotated[Succeeded | Failed, Field(discriminator="result")]
RESULT: TypeAdapter[Succeeded | Failed] = TypeAdapter(Result)
