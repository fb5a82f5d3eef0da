"""DynamicINT8: weights in 8-bit integers; activations are quantized at run time, by their range."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Final

import onnx
from onnxruntime.quantization import QuantizationMode, QuantType
from onnxruntime.quantization.onnx_quantizer import ONNXQuantizer

from slipway_optimizer.quantize.leftovers import store_in_half
from slipway_optimizer.quantize.model_file import read_graph, save
from slipway_optimizer.quantize.profile import QUANTIZABLE, weight_sizes, weighted_nodes
from slipway_optimizer.quantize.scheme import node_names
from slipway_optimizer.quantize.units import Unit, find_units

KINDS: Final = ("MatMul", "Gemm", "Gather", "LSTM", "Attention", "Conv")
# The quantizer splits a Gemm, and names its product so.
GEMM_PRODUCT: Final = "_MatMul"


@dataclass(frozen=True)
class DynamicScheme:
    """ONNX Runtime's dynamic quantization of a prepared model.

    Attributes:
        prepared: the model's file.
        reduce_range: 7 bits for weights: CPUs without VNNI add products in 16 bits, which can overflow with 8.
        kinds: which operators to quantize.
    """

    prepared: Path
    reduce_range: bool = False
    kinds: Sequence[str] = KINDS

    @cached_property
    def units(self) -> list[Unit]:
        graph = read_graph(self.prepared)
        sizes = weight_sizes(graph, QUANTIZABLE)
        weighted = {node.name for node in weighted_nodes(graph, sizes)}
        return [unit for unit in find_units(graph, self.kinds) if unit.name in weighted]

    def reduced(self) -> "DynamicScheme":
        """The same with 7 bits for weights."""
        return replace(self, reduce_range=True)

    def write(self, chosen: Collection[Unit], target: Path) -> None:
        model = onnx.load(str(self.prepared))
        names = node_names(chosen)
        quantizer = ONNXQuantizer(
            model,
            per_channel=True,
            reduce_range=self.reduce_range,
            mode=QuantizationMode.IntegerOps,
            static=False,
            weight_qType=QuantType.QInt8,
            activation_qType=QuantType.QUInt8,
            tensors_range=None,
            nodes_to_quantize=[*names, *(name + GEMM_PRODUCT for name in names)],
            nodes_to_exclude=[],
            op_types_to_quantize=list(self.kinds),
            extra_options={"MatMulConstBOnly": True},
        )
        quantizer.quantize_model()
        result = quantizer.model.model
        store_in_half(result.graph)
        save(result, target)
