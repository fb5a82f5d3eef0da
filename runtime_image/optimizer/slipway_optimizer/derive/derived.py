"""What deriving gives: another model with the original's inputs and outputs, or the sentence why there is none."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from slipway_contract.manifest import Derivation
from slipway_optimizer.formats.loaded import LoadedModel


@dataclass(frozen=True)
class Derived:
    """A model to be exported and measured beside the original.

    Attributes:
        derivation: what was done to the weights.
        model: None where it could not be derived; then `problem` is the sentence why, and the Job goes on without it.
        facts: how it went, for the candidate's `details`: sparsity, parameters, epochs, losses; JSON values.
    """

    derivation: Derivation
    model: LoadedModel | None
    facts: Mapping[str, Any] = field(default_factory=dict)
    problem: str | None = None
