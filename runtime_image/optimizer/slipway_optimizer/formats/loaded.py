"""What every format loads to: the original model, which is asked for the right answers and exported once."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Protocol

from slipway_contract.manifest import Exporter
from slipway_optimizer.arrays import Array, Feeds


class LoadedModel(Protocol):
    """The model as it came."""

    framework: Literal["PyTorch", "ONNX"]
    size_bytes: int

    @property
    def exporters(self) -> Sequence[Exporter]:
        """The ways to write it as ONNX, the best first, each with the reason to take it."""

    def run(self, feeds: Feeds) -> list[Array]:
        """The right answer to a request, outputs in declared order."""

    def changed_by(self, feeds: Feeds) -> list[str]:
        """Make one more call, and name what it changed in the model itself, as in `Block.state`."""

    def lookup_tables(self) -> Sequence[int]:
        """Rows of each table that integer inputs may index."""

    def save_onnx(self, path: Path, example: Feeds, exporter: str) -> None:
        """Write the model as ONNX with the declared names and dynamic axes, with the exporter of this name."""
