"""Lossy variants of an exported model: half precision, and dynamic 8-bit integers."""

import logging
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Final

import onnx
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers.float16 import convert_float_to_float16

from slipway_contract.manifest import Variant
from slipway_optimizer.spec import Mode


def build_fp16(source: Path, target: Path) -> None:
    """Weights and arithmetic in float16; inputs and outputs keep their dtypes."""
    onnx.save(convert_float_to_float16(onnx.load(str(source)), keep_io_types=True), str(target))


def build_dynamic_int8(source: Path, target: Path) -> None:
    """Weights in 8-bit integers; activations are quantized at run time, by their range."""
    quantize_dynamic(without_weight_shapes(source), target, weight_type=QuantType.QInt8, per_channel=True)


def without_weight_shapes(source: Path) -> onnx.ModelProto:
    """The model without `value_info` of its weights.

    PyTorch's exporter writes it, and the quantizer keeps it when it transposes a Gemm's weight. ONNX Runtime 1.31
    then refuses the model ("Inferred shape and existing shape differ").
    """
    model = onnx.load(str(source))
    weights = {tensor.name for tensor in model.graph.initializer}
    kept = [value for value in model.graph.value_info if value.name not in weights]
    del model.graph.value_info[:]
    model.graph.value_info.extend(kept)
    return model


BUILDERS: Final[dict[Variant, Callable[[Path, Path], None]]] = {"FP16": build_fp16, "DynamicINT8": build_dynamic_int8}


def variants_to_try(mode: Mode) -> list[Variant]:
    """The lossy variants that a mode allows to build and measure."""
    return [variant for variant in BUILDERS if mode in {"Auto", variant}]


def build_variant(variant: Variant, source: Path, target: Path) -> None:
    """Build a variant beside the plain export; any exception means that this model does not allow it."""
    with warnings.catch_warnings():
        # Overflowing weights and the like: whether they matter is measured.
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        try:
            BUILDERS[variant](source, target)
        finally:
            logging.disable(logging.NOTSET)
