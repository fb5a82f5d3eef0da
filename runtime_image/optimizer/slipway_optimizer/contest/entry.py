"""Which combinations take part: what was done to the weights, in which numbers, on which execution provider."""

from dataclasses import dataclass
from typing import Final

from slipway_contract.manifest import Derivation, Variant, candidate_name


@dataclass(frozen=True)
class Entry:
    """One model file that may be served."""

    variant: Variant = "FP32"
    derivation: Derivation = "Original"
    execution_provider: str | None = None

    @property
    def name(self) -> str:
        """As sentences call it: `StaticINT8`, `Pruned FP32`."""
        return candidate_name(self.variant, self.derivation, self.execution_provider)

    @property
    def folder(self) -> str:
        """The name of its folder in the workshop."""
        return "-".join(filter(None, (self.derivation, self.variant, self.execution_provider)))


PLAIN: Final = Entry()
