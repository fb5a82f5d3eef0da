"""The sentence for an exported file that ONNX Runtime does not run: which operator, where in the model, what to do."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

import onnx

from slipway_optimizer import reasons
from slipway_optimizer.arrays import Array, Feeds
from slipway_optimizer.errors import UserError, first_line
from slipway_optimizer.export_place import place_in_trace

Run = Callable[[Feeds], list[Array]]
NO_KERNEL: Final = re.compile(r"Could not find an implementation for (\w+)\(\d+\)")
NODE: Final = re.compile(r"(?:[Nn]ame: ?|with name |Node \()['\"]?([^'\"()\s]+)")


def runtime_refusal(error: Exception, path: Path) -> UserError:
    """What to say of an exception on loading the file."""
    where = place_of_node(error, path)
    operator = NO_KERNEL.search(str(error))
    if operator:
        message = (
            f"ONNX Runtime has no {operator.group(1)} for this dtype{where}: make the model float32, or replace the "
            "operator in the model's forward."
        )
    else:
        message = f"ONNX Runtime refuses the exported file{where}: {first_line(error)}."
    return UserError(reasons.EXPORT_FAILED, message)


def saying_where(run: Run, path: Path) -> Run:
    """The same call, whose exceptions say where in the model's code the node comes from that failed."""

    def placed(feeds: Feeds) -> list[Array]:
        try:
            return run(feeds)
        except MemoryError:
            raise
        except Exception as error:
            raise RuntimeError(f"{first_line(error)}{place_of_node(error, path)}") from error

    return placed


def place_of_node(error: Exception, path: Path) -> str:
    """Where in the model's code the node comes from that an error of ONNX Runtime names."""
    named = NODE.search(str(error))
    if named is None:
        return ""
    nodes = {node.name: node for node in onnx.load(str(path), load_external_data=False).graph.node}
    node = nodes.get(named.group(1))
    if node is None:
        return ""
    about = {item.key: item.value for item in node.metadata_props}
    return place_in_trace(about.get("pkg.torch.onnx.stack_trace", "")) or f" in {node.name}"
