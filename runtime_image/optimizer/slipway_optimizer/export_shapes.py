"""Shapes in a graph of the older exporter, which takes the example's sizes for constants wherever it cannot follow."""

from collections.abc import Callable, Sequence
from contextlib import suppress

import onnx_ir as ir
import torch

from slipway_optimizer.spec import ModelSpec

Tensors = Sequence[torch.Tensor]
Call = Callable[..., Tensors]
Shapes = list[list[int | str]]


def name_output_axes(graph: ir.Graph, call: Call, arguments: Tensors, model: ModelSpec) -> None:
    """Give the axes of outputs that follow a dynamic axis its name, and forget the shapes on the way there.

    Args:
        graph: its outputs are those of `call`, in order.
        call: takes the declared inputs and returns the declared outputs.
        arguments: the example.
        model: the declared names and axes.
    """
    for node in ir.traversal.RecursiveGraphIterator(graph):
        for value in node.outputs:
            value.shape = None
    with torch.no_grad():
        shapes: Shapes = [list(output.shape) for output in call(*arguments)]
        for axis, size in _axes(arguments, model).items():
            _name_axis(shapes, axis, size, _outputs_at(call, arguments, axis, model))
    for value, shape in zip(graph.outputs, shapes, strict=True):
        value.shape = ir.Shape(shape)


def _axes(arguments: Tensors, model: ModelSpec) -> dict[str, int]:
    pairs = zip(arguments, model.inputs, strict=True)
    return {axis: tensor.shape[index] for tensor, declared in pairs for index, axis in declared.dynamic_axes.items()}


def _outputs_at(call: Call, arguments: Tensors, axis: str, model: ModelSpec) -> Tensors | None:
    """The outputs at another size of one axis, if the model takes one more or twice as many."""
    for part in (slice(-1, None), slice(None)):
        pairs = zip(arguments, model.inputs, strict=True)
        # A model that does not take a size says so in its own way.
        with suppress(Exception):
            return call(*[_larger(tensor, item.dynamic_axes, axis, part) for tensor, item in pairs])
    return None


def _larger(tensor: torch.Tensor, axes: dict[int, str], axis: str, part: slice) -> torch.Tensor:
    for index in (index for index, name in axes.items() if name == axis):
        repeated = tensor.movedim(index, 0)[part].movedim(0, index)
        tensor = torch.cat([tensor, repeated], index)
    return tensor


def _name_axis(shapes: Shapes, axis: str, size: int, outputs: Tensors | None) -> None:
    """Where the model takes no other size, a dimension of the same size is taken to be the axis."""
    for number, shape in enumerate(shapes):
        for index, before in enumerate(shape):
            varies = before == size if outputs is None else before != outputs[number].shape[index]
            if isinstance(before, int) and varies:
                shape[index] = axis if before == size else f"{axis}_{number}_{index}"
