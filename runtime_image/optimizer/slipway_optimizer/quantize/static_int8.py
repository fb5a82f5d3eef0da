"""StaticINT8: weights and activations in 8-bit integers, as quantize-dequantize pairs with calibrated ranges."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import onnx
from onnxruntime.quantization import QuantType
from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

from slipway_optimizer.quantize.leftovers import store_in_half
from slipway_optimizer.quantize.model_file import read_graph, save
from slipway_optimizer.quantize.scheme import node_names
from slipway_optimizer.quantize.units import CLAMPS, Unit, find_units

# What ONNX Runtime's CPU kernels compute in integers; anything else would only be converted back and forth.
KINDS: Final = (
    "Conv",
    "ConvTranspose",
    "Gemm",
    "MatMul",
    "Add",
    "Mul",
    "Sigmoid",
    "LeakyRelu",
    "Relu",
    "Clip",
    "MaxPool",
    "AveragePool",
    "GlobalAveragePool",
    "Concat",
    "Resize",
)
WEIGHTED: Final = frozenset({"Conv", "ConvTranspose", "Gemm"})
BARRIER: Final = "_in_float"


@dataclass(frozen=True)
class StaticScheme:
    """ONNX Runtime's QDQ quantization of a prepared model, weights per channel.

    Attributes:
        prepared: the model's file.
        ranges: of activations, ONNX Runtime's `TensorsData`.
        reduce_range: 7 bits for weights: CPUs without VNNI add products in 16 bits, which can overflow with 8.
    """

    prepared: Path
    ranges: Any
    reduce_range: bool = False

    @cached_property
    def units(self) -> Sequence[Unit]:
        graph = read_graph(self.prepared)
        nodes = {node.name: node for node in graph.node}
        return [unit for unit in find_units(graph, KINDS) if self._is_known(nodes[unit.name])]

    def _is_known(self, node: onnx.NodeProto) -> bool:
        """Whether the node computes in float and ran during calibration, and the quantizer does not stumble over it."""
        # It takes the channels of one group for all of them, and cannot scale the bias.
        if node.op_type == "ConvTranspose" and any(item.name == "group" and item.i > 1 for item in node.attribute):
            return False
        return node.output[0] in self.ranges and any(name in self.ranges for name in node.input)

    def reduced(self) -> "StaticScheme":
        """The same with 7 bits for weights."""
        return replace(self, reduce_range=True)

    def write(self, chosen: Collection[Unit], target: Path) -> None:
        model = onnx.load(str(self.prepared))
        quantizer = QDQQuantizer(
            model,
            per_channel=True,
            reduce_range=self.reduce_range,
            weight_qType=QuantType.QInt8,
            activation_qType=QuantType.QUInt8,
            tensors_range=self.ranges,
            nodes_to_quantize=node_names(chosen),
            nodes_to_exclude=[],
            op_types_to_quantize=list(KINDS),
            extra_options={},
        )
        quantizer.quantize_model()
        result = quantizer.model.model
        keep_in_float(result.graph, node_names(chosen))
        store_in_half(result.graph)
        save(result, target)


def keep_in_float(graph: onnx.GraphProto, quantized: Collection[str]) -> None:
    """Hide from ONNX Runtime that what was left in float lies between integers.

    It quantizes weights that it finds between a DequantizeLinear and a QuantizeLinear when it loads the model, with one
    scale for all channels (https://github.com/microsoft/onnxruntime/pull/22969): EfficientNet-Lite0 with its depthwise
    convolutions in float was four times as far off as without that. A `Max` of one tensor returns it, and no pass of
    the optimizer takes it away or looks through it.
    """
    producers = {name: node for node in graph.node for name in node.output}
    integers = set(quantized)
    for index, node in reversed(list(enumerate(graph.node))):
        if node.op_type != "QuantizeLinear":
            continue
        origin = producers.get(node.input[0])
        while origin is not None and origin.op_type in CLAMPS:
            origin = producers.get(origin.input[0])
        if origin is None or origin.op_type not in WEIGHTED or origin.name in integers:
            continue
        name = node.input[0] + BARRIER
        graph.node.insert(index, onnx.helper.make_node("Max", [node.input[0]], [name], name=name))
        node.input[0] = name
