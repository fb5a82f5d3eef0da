"""What analysis and search need of a way to quantize: its units, and a file with some of them in integers."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Protocol

from slipway_optimizer.quantize.units import Unit


class Scheme(Protocol):
    """One way to quantize one model, with everything but the choice of units decided."""

    @property
    def units(self) -> Sequence[Unit]:
        """Everything that can be quantized."""
        ...

    def write(self, chosen: Collection[Unit], target: Path) -> None:
        """Write the model with these units, at least one, in integers and the others in float."""
        ...


def node_names(units: Collection[Unit]) -> list[str]:
    return [name for unit in units for name in unit.nodes]
