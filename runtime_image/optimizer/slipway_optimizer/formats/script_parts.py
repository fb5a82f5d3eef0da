"""Which modules of a TorchScript can become a graph: they take tensors, keep no state, and use operators of ONNX."""

from collections.abc import Iterator
from typing import Any, Final

import torch
from torch.onnx._internal.torchscript_exporter import registration
from torch.onnx._internal.torchscript_exporter._globals import GLOBALS

TENSORS: Final = ("Tensor", "Optional[Tensor]")
# An entry of a list that the graph knows.
ENTRY: Final = "aten::__getitem__"
MOST_PARTS: Final = 200


def obstacle(part: Any) -> str | None:
    """Why a module cannot become a graph, whatever its operators; None if it may."""
    other = [
        f"{argument.name}: {argument.type}"
        for argument in part.forward.schema.arguments[1:]
        if str(argument.type) not in TENSORS and not argument.has_default_value()
    ]
    if other:
        return f"takes {', '.join(other)}, and an ONNX graph takes tensors only"
    written = sorted({node.s("name") for node in _nodes(part.inlined_graph) if node.kind() == "prim::SetAttr"})
    if written:
        return f"keeps state between calls in {', '.join(written)}, which an ONNX graph cannot"
    return None


def advice(whole: torch.jit.ScriptModule, failed: Any) -> str:
    """The largest module of it that can become a graph, as a sentence to append; nothing if there is none."""
    for name, part in list(whole.named_modules())[:MOST_PARTS]:
        if name and part is not failed and _is_called(part) and _converts(part):
            inputs = ", ".join(argument.name for argument in part.forward.schema.arguments[1:])
            return (
                f" Its submodule {name} can be exported by itself: set spec.model.submodule to {name}, and declare its "
                f"own inputs ({inputs}) and outputs."
            )
    return ""


def _is_called(part: Any) -> bool:
    """Whether it has a forward that does something: containers and activations say nothing about a model."""
    return has_graph(part) and any(part.children())


def _converts(part: Any) -> bool:
    if obstacle(part):
        return False
    opset = GLOBALS.export_onnx_opset_version
    # Numbers and strings are worked out by the exporter; most of them decide whether to raise an exception.
    computing = [
        node for node in _nodes(part.inlined_graph) if node.kind().startswith("aten::") and _gives_tensor(node)
    ]
    wanted = {node.kind().rstrip("_") for node in computing} - {ENTRY.rstrip("_")}
    return all(registration.registry.is_registered_op(name, opset) for name in wanted)


def _gives_tensor(node: Any) -> bool:
    return any(output.type().kind() == "TensorType" for output in node.outputs())


def has_graph(part: Any) -> bool:
    """Whether a module has a forward, and one only."""
    return hasattr(part, "forward") and hasattr(part.forward, "schema") and hasattr(part, "inlined_graph")


def _nodes(graph: Any) -> Iterator[Any]:
    for node in graph.nodes():
        yield node
        for block in node.blocks():
            yield from _nodes(block)
