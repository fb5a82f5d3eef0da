"""The exported file without what differs from one run to the next: the same spec gives the same bytes.

Exporters write stack traces with the machine's paths into each node, and attributes in the order of Python's hashes.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import onnx

# Where in the model's modules a node comes from, for whoever looks at the graph.
KEPT: Final = frozenset({"namespace", "pkg.torch.onnx.name_scopes"})


def forget_origin(path: Path) -> None:
    """Rewrite a file in place; weights that lie beside it are neither read nor touched."""
    model = onnx.load(str(path), load_external_data=False)
    _clean(model)
    for graph in _graphs(model.graph):
        _clean(graph, *graph.input, *graph.output, *graph.value_info, *graph.initializer, *graph.node)
        _sort_attributes(graph.node)
    for function in model.functions:
        _clean(function, *function.value_info, *function.node)
        _sort_attributes(function.node)
    path.write_bytes(model.SerializeToString(deterministic=True))


def _graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    """A graph and those inside its nodes."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                yield from _graphs(inner)


def _clean(*parts: Any) -> None:
    for part in parts:
        part.ClearField("doc_string")
        kept = sorted((item.key, item.value) for item in part.metadata_props if item.key in KEPT)
        del part.metadata_props[:]
        for key, value in kept:
            part.metadata_props.add(key=key, value=value)


def _sort_attributes(nodes: Any) -> None:
    for node in nodes:
        ordered = sorted(node.attribute, key=lambda attribute: attribute.name)
        copies = [onnx.AttributeProto.FromString(attribute.SerializeToString()) for attribute in ordered]
        del node.attribute[:]
        node.attribute.extend(copies)
        for attribute in node.attribute:
            attribute.ClearField("doc_string")
