"""ExportedProgram: `torch.export.save(…)`, loaded without the fallback to unsafe pickles."""

import os
import pickle
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import torch
from torch.export import ExportedProgram
from torch.utils._pytree import tree_leaves, tree_unflatten

from slipway_contract.manifest import Exporter
from slipway_optimizer import reasons
from slipway_optimizer.arrays import Array, Feeds
from slipway_optimizer.errors import UserError, first_line
from slipway_optimizer.export import export_onnx, export_program
from slipway_optimizer.formats.program_code import refuse_unsafe_program
from slipway_optimizer.formats.torch_module import DYNAMO, DeclaredCall, run_torch, weights_size
from slipway_optimizer.spec import ModelSpec

FORCE_WEIGHTS_ONLY = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"


class FlatCall(torch.nn.Module):
    """Calls a program with its inputs as one flat list, and returns its outputs as one, as its ONNX graph does."""

    def __init__(self, program: ExportedProgram) -> None:
        super().__init__()
        self._module = program.module()
        self._in_spec = program.call_spec.in_spec

    def forward(self, *inputs: torch.Tensor) -> list[Any]:
        args, kwargs = tree_unflatten(list(inputs), self._in_spec)
        return tree_leaves(self._module(*args, **kwargs))


class TorchProgram:
    """A program that was exported on another machine; its axes are what they are."""

    framework: Literal["PyTorch", "ONNX"] = "PyTorch"
    exporters: Sequence[Exporter] = (DYNAMO,)

    def __init__(self, program: ExportedProgram, spec: ModelSpec) -> None:
        self._program = program
        self._spec = spec
        self._call = DeclaredCall(FlatCall(program), spec)
        self.size_bytes = weights_size(program.state_dict)

    def run(self, feeds: Feeds) -> list[Array]:
        """The right answer to a request, outputs in declared order."""
        return run_torch(self._call, feeds, self._spec)

    def changed_by(self, feeds: Feeds) -> list[str]:
        """Nothing that has a name."""
        del feeds
        return []

    def lookup_tables(self) -> Sequence[int]:
        """Rows of each embedding weight."""
        graph = self._program.graph
        weights = [node.args[0] for node in graph.nodes if node.target is torch.ops.aten.embedding.default]
        return [int(weight.meta["val"].shape[0]) for weight in weights if isinstance(weight, torch.fx.Node)]

    def save_onnx(self, path: Path, example: Feeds, exporter: str = DYNAMO.name) -> None:
        """Write the program as ONNX; it needs no example, it was traced before."""
        del example, exporter
        export_onnx(lambda: export_program(self._program), self._spec, path)


def load_program(path: Path, spec: ModelSpec) -> TorchProgram:
    """Read a .pt2 file.

    Raises:
        UserError: the file is none, holds code, or has other inputs or axes than declared.
    """
    if not zipfile.is_zipfile(path):
        message = (
            "The file is no exported program: write it with torch.export.save(torch.export.export(model, …), path)."
        )
        raise UserError(reasons.CHECKPOINT_INVALID, message)
    refuse_unsafe_program(path)
    try:
        with _weights_only(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program = torch.export.load(path)
    except pickle.UnpicklingError as error:
        message = f"The exported program would run code on loading, which is refused ({first_line(error)})."
        raise UserError(reasons.UNSAFE_PICKLE, message) from error
    except MemoryError:
        raise
    except Exception as error:
        message = (
            f"The exported program cannot be read ({first_line(error)}): save it with PyTorch {torch.__version__} or "
            "older."
        )
        raise UserError(reasons.CHECKPOINT_INVALID, message) from error
    _check_inputs(program, spec)
    return TorchProgram(program, spec)


@contextmanager
def _weights_only() -> Iterator[None]:
    # torch.export.load falls back to torch.load(weights_only=False) when the safe way fails.
    before = os.environ.get(FORCE_WEIGHTS_ONLY)
    os.environ[FORCE_WEIGHTS_ONLY] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[FORCE_WEIGHTS_ONLY]
        else:
            os.environ[FORCE_WEIGHTS_ONLY] = before


def _check_inputs(program: ExportedProgram, spec: ModelSpec) -> None:
    names = program.graph_signature.user_inputs
    nodes = {node.name: node for node in program.graph.nodes if node.op == "placeholder"}
    if len(names) != len(spec.inputs):
        message = (
            f"The exported program takes {len(names)} inputs ({', '.join(map(str, names))}), the spec declares "
            f"{len(spec.inputs)}."
        )
        raise UserError(reasons.INPUT_MISMATCH, message)
    declared = [tensor.name for tensor in spec.inputs]
    if declared != list(names) and sorted(declared) == sorted(map(str, names)):
        message = f"The exported program takes its inputs in the order {', '.join(map(str, names))}: declare them so."
        raise UserError(reasons.INPUT_MISMATCH, message)
    for name, tensor in zip(names, spec.inputs, strict=True):
        shape = list(nodes[str(name)].meta["val"].shape)
        if len(shape) != len(tensor.shape):
            message = (
                f"The input {tensor.name} has {len(shape)} dimensions in the exported program, {len(tensor.shape)} in "
                "the spec."
            )
            raise UserError(reasons.INPUT_MISMATCH, message)
        for index, axis in tensor.dynamic_axes.items():
            if isinstance(shape[index], int):
                message = (
                    f"The axis {axis} is declared as dynamic, but the program was exported with {axis}={shape[index]}: "
                    "declare its size, or export it again with dynamic_shapes."
                )
                raise UserError(reasons.DYNAMIC_AXIS_FIXED, message)
