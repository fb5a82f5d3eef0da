"""Weights that an ONNX file keeps in other files: each in its own folder, and as long as it says."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import onnx

from slipway_optimizer import reasons
from slipway_optimizer.errors import UserError


def check_external_data(model: onnx.ModelProto, folder: Path) -> list[Path]:
    """The files that the weights lie in.

    Raises:
        UserError: one of them is not there, leads out of the folder, or is shorter than the weights that it holds.
    """
    ends: dict[str, int] = {}
    for tensor in _tensors(model):
        entry = {item.key: item.value for item in tensor.external_data}
        location = entry.get("location", "")
        _check_location(location, folder)
        ends[location] = max(ends.get(location, 0), _end(entry, tensor.name))
    for location, end in ends.items():
        size = (folder / location).stat().st_size
        if end > size:
            message = f"The ONNX model's weights need {end:,} bytes of {location}, which has {size:,}: upload it whole."
            raise UserError(reasons.CHECKPOINT_INVALID, message)
    return [folder / location for location in sorted(ends)]


def _check_location(location: str, folder: Path) -> None:
    parts = PurePosixPath(location.replace("\\", "/"))
    path = folder / location
    if not location or parts.is_absolute() or ".." in parts.parts or not _is_within(path, folder):
        message = f"The ONNX model keeps weights at {location[:128]!r}, which leads out of its folder."
        raise UserError(reasons.CHECKPOINT_INVALID, message)
    if not path.is_file():
        message = (
            f"The ONNX model keeps weights in {location[:128]}, which is not beside it: let the uri name the folder of "
            "both, with a / at its end."
        )
        raise UserError(reasons.CHECKPOINT_INVALID, message)


def _is_within(path: Path, folder: Path) -> bool:
    """Whether no part of a path is a link, to wherever it leads."""
    inside = [path, *[parent for parent in path.parents if folder in parent.parents]]
    return not any(part.is_symlink() for part in inside)


def _end(entry: dict[str, str], name: str) -> int:
    try:
        offset, length = int(entry.get("offset", "0")), int(entry.get("length", "0"))
    except ValueError as error:
        message = f"The ONNX model's weight {name[:64]} has no proper place in its file: save the model again."
        raise UserError(reasons.CHECKPOINT_INVALID, message) from error
    if offset < 0 or length < 0:
        message = f"The ONNX model's weight {name[:64]} lies before the start of its file: save the model again."
        raise UserError(reasons.CHECKPOINT_INVALID, message)
    return offset + length


def _tensors(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    """All tensors that lie elsewhere: initializers and constants, also of graphs within nodes and of functions."""
    graphs = [model.graph]
    nodes = [node for function in model.functions for node in function.node]
    while graphs or nodes:
        if graphs:
            graph = graphs.pop()
            sparse = (part for tensor in graph.sparse_initializer for part in (tensor.values, tensor.indices))
            yield from (tensor for tensor in (*graph.initializer, *sparse) if tensor.external_data)
            nodes += graph.node
            continue
        for attribute in nodes.pop().attribute:
            sparse_tensors = (attribute.sparse_tensor, *attribute.sparse_tensors)
            sparse = (part for tensor in sparse_tensors for part in (tensor.values, tensor.indices))
            yield from (tensor for tensor in (attribute.t, *attribute.tensors, *sparse) if tensor.external_data)
            graphs += [attribute.g, *attribute.graphs] if attribute.HasField("g") else attribute.graphs
