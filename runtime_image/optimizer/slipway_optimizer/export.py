"""From PyTorch to ONNX: the dynamo exporter, with declared names and axes.

Failures name the operator, the axis, or the line of the model.
"""

import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Final

import torch
from torch.onnx import ONNXProgram

from slipway_optimizer import reasons
from slipway_optimizer.errors import UserError, first_line
from slipway_optimizer.export_place import error_chain, find_place
from slipway_optimizer.names import name_graph
from slipway_optimizer.spec import ModelSpec

# Weights of more bytes lie in a file beside the model: protobuf ends at 2 GiB, and would hold two more copies of them.
EXTERNAL_DATA_ABOVE_BYTES: Final = 128 << 20
DATA_DEPENDENT: Final = re.compile(r"GuardOnDataDependentSymNode|data-dependent")
FIXED_AXIS: Final = re.compile(
    r"specialized|not all values of .* satisfy|Constraints violated|marked .* as dynamic", re.DOTALL
)


def export_onnx(make: Callable[[], ONNXProgram | None], model: ModelSpec, path: Path, size_bytes: int) -> None:
    """Run an export and write its file.

    Args:
        make: calls `torch.onnx.export`.
        model: the declared names and axes.
        path: the file to write.
        size_bytes: of the weights.

    Raises:
        UserError: the model cannot be exported; names the module, operator or axis.
    """
    program = _made(make, model)
    name_graph(program.model, model)
    program.save(str(path), external_data=size_bytes > EXTERNAL_DATA_ABOVE_BYTES)


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


def export_failure(error: BaseException, model: ModelSpec) -> UserError:
    """The sentence for an exporter's exception: an operator, a fixed axis, or a line of the model."""
    chain = error_chain(error)
    text = "\n".join(str(item) for item in chain)
    where = find_place(chain)
    operator = re.search(r"No ONNX function found for <OpOverload\(op='([\w.]+)'", text)
    if operator:
        message = f"{operator.group(1)} has no ONNX counterpart{where}: replace it in the model's forward."
        return UserError(reasons.EXPORT_FAILED, message)
    if DATA_DEPENDENT.search(text):
        message = (
            f"The model decides by the values of its inputs{where}, which an ONNX graph cannot: use torch.where or "
            "torch.cond, or keep Python's if and float() to sizes."
        )
        return UserError(reasons.EXPORT_FAILED, message)
    cause = f"{type(chain[-1]).__name__}: {first_line(chain[-1])}".rstrip(".")
    if FIXED_AXIS.search(text):
        axes = sorted({axis for tensor in model.inputs for axis in tensor.dynamic_axes.values()})
        named = ", ".join([axis for axis in axes if axis in text] or axes)
        message = (
            f"The axis {named} is declared as dynamic, but the model fixes it{where} ({cause}): declare its size, or "
            "change the model's forward."
        )
        return UserError(reasons.DYNAMIC_AXIS_FIXED, message)
    return UserError(reasons.EXPORT_FAILED, f"torch.export cannot trace the model{where}: {cause}.")


def export_module(call: torch.nn.Module, arguments: tuple[torch.Tensor, ...], model: ModelSpec) -> ONNXProgram | None:
    """`torch.onnx.export` of a module that takes its inputs as `*args`."""
    axes = tuple(dict(tensor.dynamic_axes) for tensor in model.inputs)
    return torch.onnx.export(call, arguments, dynamo=True, dynamic_shapes={"args": axes}, verbose=False)


def export_program(program: torch.export.ExportedProgram) -> ONNXProgram | None:
    """`torch.onnx.export` of a program that was exported before."""
    return torch.onnx.export(program, dynamo=True, verbose=False)
