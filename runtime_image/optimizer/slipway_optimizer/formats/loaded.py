"""What every format loads to: the original model, which is asked for the right answers and exported once."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Protocol

from slipway_optimizer.arrays import Array, Feeds


class LoadedModel(Protocol):
    """The model as it came."""

    framework: Literal["PyTorch", "ONNX"]
    size_bytes: int

    def run(self, feeds: Feeds) -> list[Array]:
        """The right answer to a request, outputs in declared order."""

    def lookup_tables(self) -> Sequence[int]:
        """Rows of each table that integer inputs may index."""

    def save_onnx(self, path: Path, example: Feeds) -> None:
        """Write the model as ONNX with the declared names and dynamic axes."""
