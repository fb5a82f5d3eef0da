"""Ways to write the same model with fewer nodes."""

from pathlib import Path
from typing import Final

import onnx
import onnxruntime
from onnx.external_data_helper import load_external_data_for_model
from onnxruntime.transformers.optimizer import optimize_model

from slipway_optimizer.onnx_session import ERRORS_ONLY
from slipway_optimizer.quantize.model_file import save

# What the fusions in Python find and ONNX Runtime does not find by itself when it loads a model.
FUSED: Final = frozenset({"Attention", "MultiHeadAttention", "EmbedLayerNormalization"})


def write_offline(source: Path, target: Path) -> bool:
    """What ONNX Runtime would do for its CPU provider at each start.

    Extended and no more: layouts of the level above are those of one CPU's vector width.
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = ERRORS_ONLY
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    target.parent.mkdir(parents=True, exist_ok=True)
    options.optimized_model_filepath = str(target)
    onnxruntime.InferenceSession(str(source), options, providers=["CPUExecutionProvider"])
    model = onnx.load(str(target), load_external_data=False)
    # What lay beside the source is named as it was, and lies there still.
    load_external_data_for_model(model, str(source.parent))
    keep_used_domains(model)
    save(model, target)
    return True


def write_fused(source: Path, target: Path) -> bool:
    """Attention and embeddings of an encoder as one node each; False where none were found."""
    model = optimize_model(str(source), model_type="bert", opt_level=0).model
    if not any(node.op_type in FUSED for node in model.graph.node):
        return False
    keep_used_domains(model)
    save(model, target)
    return True


def keep_used_domains(model: onnx.ModelProto) -> None:
    """Drop the operator sets that ONNX Runtime lists whether they are used or not: other versions may not have them."""
    used = {node.domain for node in _nodes(model.graph)} | {function.domain for function in model.functions}
    kept = [entry for entry in model.opset_import if entry.domain in {"", "ai.onnx"} or entry.domain in used]
    del model.opset_import[:]
    model.opset_import.extend(kept)


def _nodes(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    inner = [attribute.g for node in graph.node for attribute in node.attribute if attribute.HasField("g")]
    return [*graph.node, *(node for subgraph in inner for node in _nodes(subgraph))]
