"""From PyTorch to ONNX with the older, TorchScript-based exporter, for what the dynamo exporter cannot.

A trace keeps one way through the model's forward, so wherever its own code makes Python look at a value, this refuses.
"""

import os
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import onnx_ir as ir
import torch
from torch.jit._trace import TracerWarning

from slipway_optimizer.errors import UserError
from slipway_optimizer.export import save_graph
from slipway_optimizer.export_failure import DecidesByValueError, export_failure
from slipway_optimizer.export_place import describe_place
from slipway_optimizer.export_shapes import name_output_axes
from slipway_optimizer.names import name_graph
from slipway_optimizer.spec import ModelSpec
from slipway_optimizer.standard_output import without_output

TORCH: Final = str(Path(torch.__file__).parent) + os.sep


def export_torchscript(
    call: torch.nn.Module, arguments: tuple[torch.Tensor, ...], model: ModelSpec, path: Path
) -> None:
    """Trace a module that takes its inputs as `*args`, and write its file; scripted parts keep their control flow.

    Raises:
        UserError: the model cannot be exported, or a trace of it would be wrong.
    """
    # Models of gigabytes come as many files.
    with tempfile.TemporaryDirectory(prefix="traced-", dir=path.parent.parent) as folder:
        raw = Path(folder) / "traced.onnx"
        try:
            # It prints the whole graph when it fails.
            with warnings.catch_warnings(record=True) as caught, torch.no_grad(), without_output():
                warnings.simplefilter("always")
                _export(call, arguments, model, raw)
        except (UserError, MemoryError):
            raise
        except Exception as error:
            raise export_failure(error, model) from error
        _refuse_fixed_values(caught)
        graph = ir.load(raw)
        name_graph(graph, model)
        name_output_axes(graph.graph, call, arguments, model)
        save_graph(graph, path)


def _export(call: torch.nn.Module, arguments: tuple[torch.Tensor, ...], model: ModelSpec, raw: Path) -> None:
    traced = call
    if any(isinstance(part, torch.jit.ScriptModule) for part in call.modules()):
        # The exporter's own trace does not know scripted parts; the tracer does, and keeps them as they are.
        traced = torch.jit.trace(call, arguments, check_trace=False)  # type: ignore[no-untyped-call]
    names = [f"input_{number}" for number in range(len(arguments))]
    axes = {name: tensor.dynamic_axes for name, tensor in zip(names, model.inputs, strict=True) if tensor.dynamic_axes}
    torch.onnx.export(traced, arguments, raw, dynamo=False, input_names=names, dynamic_axes=axes)


def _refuse_fixed_values(caught: Sequence[warnings.WarningMessage]) -> None:
    for warning in caught:
        if issubclass(warning.category, TracerWarning) and not warning.filename.startswith(TORCH):
            raise DecidesByValueError(describe_place(warning.filename, warning.lineno))
