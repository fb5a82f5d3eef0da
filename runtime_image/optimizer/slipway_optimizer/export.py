"""From PyTorch to ONNX: the dynamo exporter, with declared names and axes.

Failures name the operator, the axis, or the line of the model.
"""

import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import torch
from torch.onnx import ONNXProgram

from slipway_optimizer import reasons
from slipway_optimizer.errors import UserError, first_line
from slipway_optimizer.names import name_graph
from slipway_optimizer.spec import ModelSpec

# protobuf ends at 2 GiB; beyond this, weights lie in a file beside the model.
EXTERNAL_DATA_ABOVE_BYTES: Final = 1_500_000_000
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
    chain = _chain(error)
    text = "\n".join(str(item) for item in chain)
    operator = re.search(r"No ONNX function found for <OpOverload\(op='([\w.]+)'", text)
    if operator:
        message = f"{operator.group(1)} has no ONNX counterpart{_place(text)}: replace it in the model's forward."
        return UserError(reasons.EXPORT_FAILED, message)
    if FIXED_AXIS.search(text):
        axes = sorted({axis for tensor in model.inputs for axis in tensor.dynamic_axes.values() if axis in text})
        named = ", ".join(axes) or ", ".join(sorted({axis for t in model.inputs for axis in t.dynamic_axes.values()}))
        message = (
            f"The axis {named} is declared as dynamic, but the model fixes it{_place(text)} ({_relevant(chain)}): "
            "declare its size, or change the model's forward."
        )
        return UserError(reasons.DYNAMIC_AXIS_FIXED, message)
    message = f"torch.export cannot trace the model{_place(text)}: {_relevant(chain)}"
    return UserError(reasons.EXPORT_FAILED, message)


def _chain(error: BaseException | None) -> list[BaseException]:
    chain: list[BaseException] = []
    while error is not None and error not in chain:
        chain.append(error)
        error = error.__cause__
    return chain


def _relevant(chain: list[BaseException]) -> str:
    root = chain[-1]
    return f"{type(root).__name__}: {first_line(root)}"


def _place(text: str) -> str:
    """The last line of the model's own code that the exporter mentions, as ` in FILE line N (CODE)`."""
    frames: list[Any] = re.findall(
        r'File "?([^"\n,:]+\.py)"?[,:] ?(?:line )?(\d+),? in (\w+)(?:, code: |\n\s+)([^\n]*)', text
    )
    own = [frame for frame in frames if "/torch/" not in frame[0] and "/onnx" not in frame[0]]
    if not own:
        return ""
    file, line, function, code = own[-1]
    return f" in {function} ({Path(file).name} line {line}: {code.strip()})"


def export_module(call: torch.nn.Module, arguments: tuple[torch.Tensor, ...], model: ModelSpec) -> ONNXProgram | None:
    """`torch.onnx.export` of a module that takes its inputs as `*args`."""
    axes = tuple(dict(tensor.dynamic_axes) for tensor in model.inputs)
    return torch.onnx.export(call, arguments, dynamo=True, dynamic_shapes={"args": axes}, verbose=False)


def export_program(program: torch.export.ExportedProgram) -> ONNXProgram | None:
    """`torch.onnx.export` of a program that was exported before."""
    return torch.onnx.export(program, dynamo=True, verbose=False)
