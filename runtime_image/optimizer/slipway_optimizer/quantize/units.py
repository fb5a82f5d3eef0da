"""Units: the smallest parts of a graph that are quantized, or left in float, as a whole."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import onnx

from slipway_optimizer.quantize.profile import weight_sizes

# They become part of what computes their input: between the two no integers are stored.
CLAMPS: Final = frozenset({"Relu", "Clip"})


@dataclass(frozen=True)
class Unit:
    """A node with the clamps behind it.

    Attributes:
        nodes: names; the first is the one that computes.
        kind: its operator.
        weights: elements of its constants.
    """

    nodes: tuple[str, ...]
    kind: str
    weights: int

    @property
    def name(self) -> str:
        return self.nodes[0]


def find_units(graph: onnx.GraphProto, kinds: Collection[str]) -> list[Unit]:
    """The units of these kinds, in the order of the graph; its nodes have names."""
    sizes = weight_sizes(graph)
    consumers: dict[str, list[onnx.NodeProto]] = defaultdict(list)
    for node in graph.node:
        for name in node.input:
            consumers[name].append(node)
    taken: set[str] = set()
    units = []
    for node in graph.node:
        if node.op_type not in kinds or node.name in taken:
            continue
        nodes = [node.name, *_clamps(node, consumers)]
        taken.update(nodes)
        units.append(Unit(tuple(nodes), node.op_type, sum(sizes.get(name, 0) for name in node.input)))
    return units


def _clamps(node: onnx.NodeProto, consumers: dict[str, list[onnx.NodeProto]]) -> list[str]:
    names = []
    while len(node.output) == 1:
        following = consumers[node.output[0]]
        if len(following) != 1 or following[0].op_type not in CLAMPS:
            break
        node = following[0]
        names.append(node.name)
    return names
