"""From PyTorch to ONNX with the dynamo exporter, with declared names and axes."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Final

import onnx_ir as ir
import torch
from torch.onnx import ONNXProgram

from slipway_optimizer import reasons
from slipway_optimizer.errors import UserError
from slipway_optimizer.export_failure import export_failure
from slipway_optimizer.names import name_graph
from slipway_optimizer.spec import ModelSpec

# Weights of more bytes lie in a file beside the model: protobuf ends at 2 GiB, and would hold two more copies of them.
EXTERNAL_DATA_ABOVE_BYTES: Final = 128 << 20


def export_onnx(make: Callable[[], ONNXProgram | None], model: ModelSpec, path: Path) -> None:
    """Run an export and write its file.

    Args:
        make: calls `torch.onnx.export`.
        model: the declared names and axes.
        path: the file to write.

    Raises:
        UserError: the model cannot be exported; names the module, operator or axis.
    """
    program = _made(make, model)
    name_graph(program.model, model)
    save_graph(program.model, path)


def save_graph(model: ir.Model, path: Path) -> None:
    """Write a graph, its weights in `NAME.data` beside it where they are large."""
    size = sum(value.const_value.nbytes for value in model.graph.initializers.values() if value.const_value is not None)
    ir.save(model, path, external_data=f"{path.name}.data" if size > EXTERNAL_DATA_ABOVE_BYTES else None)


def _made(make: Callable[[], ONNXProgram | None], model: ModelSpec) -> ONNXProgram:
    try:
        with warnings.catch_warnings():
            # They are for the exporter's developers; what matters is checked on the file.
            warnings.simplefilter("ignore")
            program = make()
    except (UserError, MemoryError):
        raise
    except Exception as error:
        raise export_failure(error, model) from error
    if program is None:
        raise UserError(reasons.EXPORT_FAILED, "The exporter returned nothing.")
    return program


def export_module(call: torch.nn.Module, arguments: tuple[torch.Tensor, ...], model: ModelSpec) -> ONNXProgram | None:
    """`torch.onnx.export` of a module that takes its inputs as `*args`."""
    axes = tuple(dict(tensor.dynamic_axes) for tensor in model.inputs)
    return torch.onnx.export(call, arguments, dynamo=True, dynamic_shapes={"args": axes}, verbose=False)


def export_program(program: torch.export.ExportedProgram) -> ONNXProgram | None:
    """`torch.onnx.export` of a program that was exported before."""
    return torch.onnx.export(program, dynamo=True, verbose=False)
