"""Prepare a plain export for the quantizers: batch norms folded, constants folded, types known, every node named."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import onnx
import onnx.shape_inference
import onnx.version_converter
from onnxruntime.quantization.quant_utils import add_infer_metadata
from onnxruntime.quantization.shape_inference import quant_pre_process

from slipway_optimizer.errors import first_line
from slipway_optimizer.quantize.context import NotApplicableError
from slipway_optimizer.quantize.model_file import is_large, save

# ONNX Runtime itself infers what it can while it optimizes; its symbolic inference stumbles over some models, and its
# optimizer over others.
WAYS: Final[tuple[Mapping[str, Any], ...]] = (
    {"skip_symbolic_shape": True},
    {"skip_symbolic_shape": False, "auto_merge": True},
    {"skip_symbolic_shape": True, "skip_optimization": True},
)
PREPARED: Final = "prepared.onnx"
# The first in which QuantizeLinear has an axis, and the format of files of its time.
PER_CHANNEL_OPSET: Final = 13
OLDEST_IR: Final = 7


def prepare(plain: Path, folder: Path) -> Path:
    """Write the prepared model; if it is there already, it is taken.

    Raises:
        NotApplicableError: none of the ways leads to a model.
    """
    target = folder / PREPARED
    if target.is_file():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    beside = {"save_as_external_data": True, "all_tensors_to_one_file": True, "external_data_location": "prepared.data"}
    problem: Exception | None = None
    # Large weights would be in memory once more for each step.
    for way in WAYS[-1:] if is_large(plain) else WAYS:
        try:
            quant_pre_process(str(plain), str(target), **way, **(beside if is_large(plain) else {}))
            model = _current(onnx.load(str(target)))
        except Exception as error:
            problem = error
            continue
        _complete(model)
        save(model, target)
        return target
    raise NotApplicableError(f"the graph cannot be prepared ({first_line(problem) if problem else 'no way left'})")


def _current(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model in an operator set that has integers per channel, and weights that nobody can pass in.

    Files from before ONNX 1.4 list weights among the inputs, too.
    """
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in weights]
    del model.graph.input[:]
    model.graph.input.extend(inputs)
    model.ir_version = max(model.ir_version, OLDEST_IR)
    version = next(entry.version for entry in model.opset_import if entry.domain in {"", "ai.onnx"})
    if version >= PER_CHANNEL_OPSET:
        return model
    converted: onnx.ModelProto = onnx.version_converter.convert_version(model, PER_CHANNEL_OPSET)
    return onnx.shape_inference.infer_shapes(converted)


def _complete(model: onnx.ModelProto) -> None:
    """Name every node, since that is how the quantizers are told apart what to leave; forget shapes of weights.

    PyTorch's exporter writes those, and the quantizer keeps them when it transposes a Gemm's weight. ONNX Runtime 1.31
    then refuses the model ("Inferred shape and existing shape differ").
    """
    graph = model.graph
    names: set[str] = set()
    for number, node in enumerate(graph.node):
        if not node.name or node.name in names:
            node.name = f"{node.op_type}_{number}"
        names.add(node.name)
    weights = {tensor.name for tensor in graph.initializer}
    kept = [value for value in graph.value_info if value.name not in weights]
    del graph.value_info[:]
    graph.value_info.extend(kept)
    # Otherwise each quantizer writes the model to disk and infers them once more.
    add_infer_metadata(model)
