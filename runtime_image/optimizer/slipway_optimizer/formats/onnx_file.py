"""ONNX: the file is the export; its own answers, with all graph optimizations off, are the right ones."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import onnx

from slipway_contract.manifest import Exporter
from slipway_optimizer import reasons
from slipway_optimizer.arrays import Array, Feeds
from slipway_optimizer.errors import UserError, first_line
from slipway_optimizer.formats.onnx_data import check_external_data
from slipway_optimizer.onnx_session import OnnxSession
from slipway_optimizer.spec import ModelSpec
from slipway_optimizer.verify import check_file


class OnnxFile:
    """A model that came as ONNX, with `data` beside it where its weights lie in files of their own."""

    framework: Literal["PyTorch", "ONNX"] = "ONNX"
    exporters: Sequence[Exporter] = (Exporter(name="none", reason="The source is ONNX already."),)

    def __init__(self, path: Path, graph: onnx.GraphProto, data: Sequence[Path], spec: ModelSpec) -> None:
        self._path = path
        self._graph = graph
        self._data = data
        self.size_bytes = sum(file.stat().st_size for file in (path, *data))
        self._session = OnnxSession(path, [tensor.name for tensor in spec.outputs], threads=1, optimized=False)

    def run(self, feeds: Feeds) -> list[Array]:
        """The right answer to a request, outputs in declared order."""
        return self._session.run(feeds)

    def changed_by(self, feeds: Feeds) -> list[str]:
        """Nothing that has a name."""
        del feeds
        return []

    def lookup_tables(self) -> Sequence[int]:
        """Rows of each constant that a Gather reads."""
        rows = {tensor.name: int(tensor.dims[0]) for tensor in self._graph.initializer if len(tensor.dims) > 1}
        return [rows[node.input[0]] for node in self._graph.node if node.op_type == "Gather" and node.input[0] in rows]

    def save_onnx(self, path: Path, example: Feeds, exporter: str = "none") -> None:
        """Copy the files; they are ONNX already."""
        del example, exporter
        shutil.copyfile(self._path, path)
        for file in self._data:
            target = path.parent / file.relative_to(self._path.parent)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)


def load_onnx(path: Path, spec: ModelSpec) -> OnnxFile:
    """Read an ONNX file, or the one of a folder, with its data beside it.

    Raises:
        UserError: the file is none, its data is not in its folder, or it is not as declared.
    """
    file = next(path.glob("*.onnx")) if path.is_dir() else path
    try:
        model = onnx.load(str(file), load_external_data=False)
    except Exception as error:
        message = f"The file is no ONNX model ({first_line(error)}): upload the whole file."
        raise UserError(reasons.CHECKPOINT_INVALID, message) from error
    _refuse_odd_names(model.graph)
    data = check_external_data(model, file.parent)
    check_file(file, spec)
    try:
        return OnnxFile(file, model.graph, data, spec)
    except MemoryError:
        raise
    except Exception as error:
        message = f"ONNX Runtime cannot load the model ({first_line(error)[:400]}): export it again."
        raise UserError(reasons.CHECKPOINT_INVALID, message) from error


def _refuse_odd_names(graph: onnx.GraphProto) -> None:
    """Protobuf hands out text that is no UTF-8 as bytes, and goes on."""
    names: list[object] = [value.name for value in (*graph.input, *graph.output)]
    names += [tensor.name for tensor in graph.initializer]
    names += [name for node in graph.node for name in (node.op_type, node.domain, *node.input, *node.output)]
    odd = next((name for name in names if isinstance(name, bytes)), None)
    if odd is not None:
        message = f"The ONNX model has a name that is no text ({odd[:64]!r}): it is damaged, upload it again."
        raise UserError(reasons.CHECKPOINT_INVALID, message)
