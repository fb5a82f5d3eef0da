"""What kind of model it is, by its graph: what decides which variants are worth the time."""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Final

import onnx

from slipway_optimizer.quantize.model_file import read_graph

FLOATS: Final = frozenset({onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.DOUBLE})
# What the quantizers read and write; of other dtypes they make files that nothing runs, or leave them as they are.
QUANTIZABLE: Final = frozenset({onnx.TensorProto.FLOAT})


@dataclass(frozen=True)
class Profile:
    """How many nodes with constant weights there are of each kind."""

    convolutions: int
    products: int
    recurrent: int
    lookups: int
    attention: int

    @property
    def is_convolutional(self) -> bool:
        """Whether most of the work is in convolutions."""
        return self.convolutions > self.products + self.recurrent

    @property
    def is_transformer(self) -> bool:
        return self.attention > 0 and self.products > 0


def profile(path: Path) -> Profile:
    """Look at a model's file; weights beside it are not read."""
    graph = read_graph(path)
    sizes = weight_sizes(graph)
    counts = Counter(node.op_type for node in weighted_nodes(graph, sizes))
    attention = sum(node.op_type in {"Softmax", "Attention", "MultiHeadAttention"} for node in graph.node)
    return Profile(
        convolutions=counts["Conv"] + counts["ConvTranspose"],
        products=counts["MatMul"] + counts["Gemm"],
        recurrent=counts["LSTM"] + counts["GRU"],
        lookups=counts["Gather"],
        attention=attention,
    )


def weighted_nodes(graph: onnx.GraphProto, sizes: dict[str, int]) -> Iterator[onnx.NodeProto]:
    """Nodes that take a constant of more than one element."""
    for node in graph.node:
        if any(sizes.get(name, 0) > 1 for name in node.input):
            yield node


def weight_sizes(graph: onnx.GraphProto, floats: Collection[int] = FLOATS) -> dict[str, int]:
    """Elements of each weight of these dtypes; any floating-point one if nothing is said."""
    return {tensor.name: prod(tensor.dims) for tensor in graph.initializer if tensor.data_type in floats}
