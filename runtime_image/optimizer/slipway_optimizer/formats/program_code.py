"""An exported program's own code, read before it is loaded: PyTorch evaluates the sizes and guards in it as Python.

Names become lines of Python as well, and beside its graph a program may bring pickles and libraries.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from slipway_optimizer import reasons
from slipway_optimizer.errors import UserError
from slipway_optimizer.formats.archive import MAX_PACKED_BYTES, archive_members, read_member
from slipway_optimizer.formats.program_expressions import is_plain_guard, is_plain_size

# Where torch.export.save puts graphs and what belongs to them; before PyTorch 2.8 the one at the top.
GRAPHS: Final = re.compile(r"models/|serialized_exported_program|data/.*\.json$")
# Where it puts libraries that are loaded, and objects that are unpickled whatever they are.
COMPILED: Final = "data/aotinductor/"
OBJECTS: Final = ("custom_obj_", "opaque_obj_")
# Only ever shown, parsed or passed as a value.
FREE_TEXT: Final = frozenset({"metadata", "as_string", "torch_version"})
# JSON within JSON: keys of dictionaries may be any words.
TREES: Final = frozenset({"in_spec", "out_spec", "as_pytree_spec"})
NAME: Final = re.compile(r"[\w.\-:/]*")
TREE: Final = re.compile(r"[\w.\-:/ \"\\\[\]{},]*")
# PyTorch's operators that compute; others of it load files, or talk to other machines.
OPERATORS: Final = re.compile(
    r"torch\.ops\.(aten|prims?|higher_order|quantized|quantized_decomposed|torchvision)\.(?!from_file|save|_aoti)\w+.*"
    r"|_operator\.\w+|math\.\w+|torch\.sym_\w+|torch\._sym_\w+|torch\.fx\.experimental\.symbolic_shapes\.\w+"
)


def refuse_unsafe_program(path: Path) -> None:
    """Look through the graphs in an archive.

    Raises:
        UserError: says what would run, or be loaded.
    """
    members = archive_members(path)
    compiled = next((name for name in members if name.lower().startswith(COMPILED)), None)
    if compiled:
        raise _refused(f"the library {compiled[:128]}")
    for name in members:
        if GRAPHS.match(name.lower()):
            odd = next(_odd(_parsed(read_member(path, name, MAX_PACKED_BYTES), name), ""), None)
            if odd is not None:
                raise _refused(repr(odd[:128]))


def _parsed(body: bytes, name: str) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        message = f"The exported program is damaged: {name[:128]} is no JSON; upload the whole file."
        raise UserError(reasons.CHECKPOINT_INVALID, message) from error


def _odd(content: Any, key: str) -> Iterator[str]:
    """What is neither a name, nor an operator, nor a plain expression; `key` is the last one that leads to it."""
    waiting = [(key, content)]
    while waiting:
        key, value = waiting.pop()
        if isinstance(value, dict):
            yield from (name for name in value if not NAME.fullmatch(name))
            waiting += [item for item in value.items() if item[0] not in FREE_TEXT]
        elif isinstance(value, list):
            waiting += [(key, item) for item in value]
        elif isinstance(value, str) and not _is_plain(key, value):
            yield value


def _is_plain(key: str, text: str) -> bool:
    if key == "target":
        return OPERATORS.fullmatch(text) is not None
    if key == "expr_str":
        return is_plain_size(text)
    if key == "guards_code":
        return is_plain_guard(text)
    if key in TREES:
        return TREE.fullmatch(text) is not None
    return NAME.fullmatch(text) is not None and not text.startswith(OBJECTS)


def _refused(what: str) -> UserError:
    message = f"The exported program would run code on loading ({what}), which is refused: a model computes only."
    return UserError(reasons.UNSAFE_PICKLE, message)
