"""What is left in float32 beside the integers: stored in half the bytes, computed with as before."""

from typing import Final

import numpy as np
import onnx
from onnx import numpy_helper

# Smaller ones are scales, biases and norms: they save nothing, and the quantizers look for some of them.
FEWEST_ELEMENTS: Final = 1024
# float16 ends at 65,504, and below this it has fewer digits than its eleven bits.
LARGEST: Final = 6e4
SUFFIX: Final = "_half"


def store_in_half(graph: onnx.GraphProto) -> None:
    """Store float32 weights as float16 and cast them back.

    ONNX Runtime folds such a cast of a constant when it loads the model, so that nothing is computed in float16. The
    rounding, 1 in 2,048, is a sixteenth of what 8-bit weights have.
    """
    casts = []
    for tensor in graph.initializer:
        if tensor.data_type != onnx.TensorProto.FLOAT or int(np.prod(tensor.dims)) < FEWEST_ELEMENTS:
            continue
        values = numpy_helper.to_array(tensor)
        if not np.isfinite(values).all() or float(np.abs(values).max()) > LARGEST:
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), name + SUFFIX))
        casts.append(
            onnx.helper.make_node("Cast", [name + SUFFIX], [name], name=name + SUFFIX, to=onnx.TensorProto.FLOAT)
        )
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
