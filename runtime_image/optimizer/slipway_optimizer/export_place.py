"""Where in the model's own code an export failed: file, line, module and function."""

import ast
import linecache
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final

import torch

FRAME: Final = re.compile(r'File "?([^"\n,]+?\.py)"?[,:] ?(?:line )?(\d+),? in \w+')
LIBRARIES: Final = ("/torch/", "/onnxscript/", "/slipway_optimizer/")


def error_chain(error: BaseException | None) -> list[BaseException]:
    """An exception and its causes, the root last."""
    chain: list[BaseException] = []
    while error is not None and error not in chain:
        chain.append(error)
        error = error.__cause__
    return chain


def find_place(chain: Sequence[BaseException]) -> str:
    """The last line of the model's own code that an exporter's errors mention, as ` in NAME (FILE line N: CODE)`."""
    texts = [str(error) for error in chain] + [trace for error in chain for trace in _node_traces(error.__traceback__)]
    return place_in_trace(*texts)


def place_in_trace(*texts: str) -> str:
    """The last line of the model's own code in stack traces."""
    frames = [frame for text in texts for frame in FRAME.findall(text)]
    own = [(file, int(line)) for file, line in frames if not any(part in file for part in LIBRARIES)]
    return describe_place(*own[-1]) if own else ""


def describe_place(file: str, line: int) -> str:
    """A line of the model's code as ` in NAME (FILE line N: CODE)`."""
    code = linecache.getline(file, line).strip()
    return f" in {_enclosing(file, line)} ({Path(file).name} line {line}{': ' if code else ''}{code})"


def _node_traces(traceback: TracebackType | None) -> Iterator[str]:
    """The exporter's message names a node of its graph; only the node itself knows the line that it came from."""
    while traceback is not None:
        node = traceback.tb_frame.f_locals.get("node")
        if isinstance(node, torch.fx.Node):
            yield str(node.meta.get("stack_trace", ""))
        traceback = traceback.tb_next


def _enclosing(file: str, line: int) -> str:
    """The class and function around a line, as in `Block.forward`."""
    try:
        tree = ast.parse("".join(linecache.getlines(file)))
    except SyntaxError:
        return "forward"
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    around = [
        node for node in ast.walk(tree) if isinstance(node, kinds) and node.lineno <= line <= (node.end_lineno or line)
    ]
    return ".".join(node.name for node in sorted(around, key=lambda node: node.lineno)) or "forward"
