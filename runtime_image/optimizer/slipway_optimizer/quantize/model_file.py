"""ONNX files as the quantizers read and write them: one file, or weights beside it where they are large."""

from pathlib import Path
from typing import Final

import onnx

# protobuf ends at 2 GiB, and scales and graph need some of it.
BESIDE_ABOVE_BYTES: Final = 1_500_000_000
SMALLEST_BESIDE_BYTES: Final = 1024


def is_large(path: Path) -> bool:
    """Whether the model's weights do not fit one protobuf file."""
    return sum(item.stat().st_size for item in path.parent.iterdir() if item.is_file()) > BESIDE_ABOVE_BYTES


def save(model: onnx.ModelProto, target: Path) -> None:
    """Write a model; what was there before, weights beside it included, is replaced."""
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(target.name + ".data")
    beside.unlink(missing_ok=True)
    large = weight_bytes(model.graph) > BESIDE_ABOVE_BYTES
    onnx.save(
        model,
        str(target),
        save_as_external_data=large,
        location=beside.name,
        size_threshold=SMALLEST_BESIDE_BYTES,
    )


def weight_bytes(graph: onnx.GraphProto) -> int:
    """Bytes of the weights in memory."""
    return sum(len(tensor.raw_data) for tensor in graph.initializer)


def read_graph(path: Path) -> onnx.GraphProto:
    """The graph without weights that lie beside it."""
    return onnx.load(str(path), load_external_data=False).graph
