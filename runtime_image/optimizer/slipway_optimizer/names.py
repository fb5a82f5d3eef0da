"""Give an exported graph the declared names.

The exporter's own `output_names` may collide with a value inside the graph, which makes an invalid file without an
error; here whatever is in the way is renamed.
"""

import re

import onnx_ir as ir

from slipway_optimizer import reasons
from slipway_optimizer.errors import UserError
from slipway_optimizer.spec import ModelSpec


def name_graph(model: ir.Model, spec: ModelSpec) -> None:
    """Name inputs, outputs and dynamic axes as declared, in the declared order.

    Raises:
        UserError: the graph has another number of inputs or outputs.
    """
    graph = model.graph
    _same_number("input", [tensor.name for tensor in spec.inputs], len(graph.inputs))
    _same_number("output", [tensor.name for tensor in spec.outputs], len(graph.outputs))
    _separate_outputs(graph)
    ends = list(zip((*graph.inputs, *graph.outputs), spec.ends, strict=True))
    wanted = {tensor.name for _, tensor in ends}
    kept = {id(value) for value, _ in ends}
    values = _values(model)
    taken = {value.name for value in values} | wanted
    for value in values:
        if value.name in wanted and id(value) not in kept:
            value.name = _free(value.name, taken)
    # In two passes, because one end may hold the name that another is about to get.
    for number, (value, _) in enumerate(ends):
        value.name = _free(f"end_{number}", taken)
    for value, tensor in ends:
        value.name = tensor.name
    _name_axes(values, spec, graph)


def _separate_outputs(graph: ir.Graph) -> None:
    """An output that is an input, an initializer or another output too gets a value of its own."""
    seen: set[int] = {id(value) for value in (*graph.inputs, *graph.initializers.values())}
    for index, value in enumerate(graph.outputs):
        if id(value) in seen:
            node = ir.node("Identity", inputs=[value])
            copy = node.outputs[0]
            copy.shape, copy.type = value.shape, value.type
            graph.append(node)
            graph.outputs[index] = copy
        seen.add(id(graph.outputs[index]))


def _values(model: ir.Model) -> list[ir.Value]:
    """Every named value of the main graph and of the graphs inside its nodes."""
    graph = model.graph
    found = {id(value): value for value in (*graph.inputs, *graph.initializers.values())}
    for node in ir.traversal.RecursiveGraphIterator(graph):
        for value in (*node.inputs, *node.outputs):
            if value is not None:
                found[id(value)] = value
        for attribute in node.attributes.values():
            if attribute.type == ir.AttributeType.GRAPH:
                inner = attribute.as_graph()
                found |= {id(value): value for value in (*inner.inputs, *inner.initializers.values())}
    return list(found.values())


def _name_axes(values: list[ir.Value], spec: ModelSpec, graph: ir.Graph) -> None:
    """Where the graph calls an axis something else (`s77`), call it what the spec says, in every shape."""
    renamed: dict[str, str] = {}
    for value, tensor in zip(graph.inputs, spec.inputs, strict=True):
        for index, axis in tensor.dynamic_axes.items():
            size = value.shape[index] if value.shape is not None and index < len(value.shape) else None
            if isinstance(size, ir.SymbolicDim) and size.value and size.value != axis:
                renamed[size.value] = axis
    if not renamed:
        return
    pattern = re.compile("|".join(rf"\b{re.escape(name)}\b" for name in renamed))
    for value in values:
        if value.shape is None:
            continue
        value.shape = ir.Shape([_renamed(size, pattern, renamed) for size in value.shape])


def _renamed(size: int | ir.SymbolicDim, pattern: re.Pattern[str], renamed: dict[str, str]) -> int | ir.SymbolicDim:
    if isinstance(size, int) or size.value is None:
        return size
    return ir.SymbolicDim(pattern.sub(lambda match: renamed[match.group()], size.value))


def _free(name: str | None, taken: set[str | None]) -> str:
    number = 1
    while f"{name}_{number}" in taken:
        number += 1
    free = f"{name}_{number}"
    taken.add(free)
    return free


def _same_number(kind: str, declared: list[str], found: int) -> None:
    if len(declared) != found:
        reason = reasons.INPUT_MISMATCH if kind == "input" else reasons.OUTPUT_MISMATCH
        message = f"The spec declares {len(declared)} {kind}s ({', '.join(declared)}), the exported graph has {found}."
        raise UserError(reason, message)
