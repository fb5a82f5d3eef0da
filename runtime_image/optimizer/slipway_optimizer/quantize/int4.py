"""INT4: weights of matrix products in 4 bits, by blocks; tables that are looked up in 8."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import onnx
from onnxruntime.quantization import QuantizationMode, QuantType
from onnxruntime.quantization.matmul_nbits_quantizer import DefaultWeightOnlyQuantConfig, MatMulNBitsQuantizer
from onnxruntime.quantization.onnx_quantizer import ONNXQuantizer

from slipway_optimizer.quantize.leftovers import store_in_half
from slipway_optimizer.quantize.model_file import read_graph, save
from slipway_optimizer.quantize.profile import QUANTIZABLE, weight_sizes, weighted_nodes
from slipway_optimizer.quantize.scheme import node_names
from slipway_optimizer.quantize.units import Unit, find_units

# Values that share a scale. Larger blocks are smaller files and larger errors.
BLOCK: Final = 32
# Products of 8-bit activations with 4-bit weights: what CPUs do fastest.
INT8_ARITHMETIC: Final = 4
PRODUCTS: Final = "MatMul"
LOOKUPS: Final = "Gather"


@dataclass(frozen=True)
class Int4Scheme:
    """ONNX Runtime's block-wise weight-only quantization of a prepared model."""

    prepared: Path

    @cached_property
    def units(self) -> Sequence[Unit]:
        graph = read_graph(self.prepared)
        weighted = {node.name for node in weighted_nodes(graph, weight_sizes(graph, QUANTIZABLE))}
        return [unit for unit in find_units(graph, (PRODUCTS, LOOKUPS)) if unit.name in weighted]

    def write(self, chosen: Collection[Unit], target: Path) -> None:
        model = onnx.load(str(self.prepared))
        products = [unit for unit in chosen if unit.kind == PRODUCTS]
        if products:
            model = _with_products_in_four_bits(model, node_names(products))
        lookups = [unit for unit in chosen if unit.kind == LOOKUPS]
        if lookups:
            model = _with_lookups_in_eight_bits(model, node_names(lookups))
        store_in_half(model.graph)
        save(model, target)


def _with_products_in_four_bits(model: onnx.ModelProto, names: Collection[str]) -> onnx.ModelProto:
    left = [node.name for node in model.graph.node if node.op_type == PRODUCTS and node.name not in set(names)]
    config = DefaultWeightOnlyQuantConfig(block_size=BLOCK, is_symmetric=True, accuracy_level=INT8_ARITHMETIC, bits=4)
    quantizer = MatMulNBitsQuantizer(model, nodes_to_exclude=left, algo_config=config)
    quantizer.process()
    result: onnx.ModelProto = quantizer.model.model
    return result


def _with_lookups_in_eight_bits(model: onnx.ModelProto, names: list[str]) -> onnx.ModelProto:
    quantizer = ONNXQuantizer(
        model,
        per_channel=False,
        reduce_range=False,
        mode=QuantizationMode.IntegerOps,
        static=False,
        weight_qType=QuantType.QInt8,
        activation_qType=QuantType.QUInt8,
        tensors_range=None,
        nodes_to_quantize=names,
        nodes_to_exclude=[],
        op_types_to_quantize=[LOOKUPS],
        extra_options={},
    )
    quantizer.quantize_model()
    result: onnx.ModelProto = quantizer.model.model
    return result
