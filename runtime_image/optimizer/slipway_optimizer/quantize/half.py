"""FP16: weights and arithmetic in half precision."""

from pathlib import Path
from typing import Any

import onnx
from onnxruntime.transformers.float16 import convert_float_to_float16

from slipway_optimizer.quantize.context import QuantizeContext
from slipway_optimizer.quantize.model_file import is_large, save


def build_half(plain: Path, target: Path, context: QuantizeContext) -> dict[str, Any]:
    """Convert every tensor; `keepIO` leaves inputs and outputs in float32."""
    keep = context.settings.keep_io
    # Its shape inference works on one protobuf in memory.
    model = convert_float_to_float16(onnx.load(str(plain)), keep_io_types=keep, disable_shape_infer=is_large(plain))
    save(model, target)
    return {} if keep else {"io": "float16"}
