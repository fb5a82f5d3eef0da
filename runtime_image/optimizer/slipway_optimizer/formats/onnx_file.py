"""ONNX: the file is the export; its own answers, with all graph optimizations off, are the right ones."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import onnx

from slipway_optimizer import reasons
from slipway_optimizer.arrays import Array, Feeds
from slipway_optimizer.errors import UserError, first_line
from slipway_optimizer.onnx_session import OnnxSession
from slipway_optimizer.spec import ModelSpec
from slipway_optimizer.verify import check_file


class OnnxFile:
    """A model that came as ONNX."""

    framework: Literal["PyTorch", "ONNX"] = "ONNX"

    def __init__(self, path: Path, spec: ModelSpec) -> None:
        self._path = path
        self.size_bytes = path.stat().st_size
        try:
            self._graph = onnx.load(str(path)).graph
        except Exception as error:
            message = f"The file is no ONNX model ({first_line(error)}): correct format, or upload the whole file."
            raise UserError(reasons.CHECKPOINT_INVALID, message) from error
        check_file(path, spec)
        self._session = OnnxSession(path, [tensor.name for tensor in spec.outputs], threads=1, optimized=False)

    def run(self, feeds: Feeds) -> list[Array]:
        """The right answer to a request, outputs in declared order."""
        return self._session.run(feeds)

    def lookup_tables(self) -> Sequence[int]:
        """Rows of each constant that a Gather reads."""
        rows = {tensor.name: int(tensor.dims[0]) for tensor in self._graph.initializer if len(tensor.dims) > 1}
        return [rows[node.input[0]] for node in self._graph.node if node.op_type == "Gather" and node.input[0] in rows]

    def save_onnx(self, path: Path, example: Feeds) -> None:
        """Copy the file; it is ONNX already."""
        del example
        shutil.copyfile(self._path, path)
