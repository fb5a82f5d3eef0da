"""TorchScript's own code, read before it is loaded: what of the language touches files has no place in a model.

Loading may run a `__setstate__`, and PyTorch's operators can write files and load libraries.
"""

import re
from pathlib import Path
from typing import Final

from slipway_optimizer import reasons
from slipway_optimizer.errors import UserError
from slipway_optimizer.formats.archive import MAX_PACKED_BYTES, archive_members, read_member

# TorchScript's strings, and what its lexer skips: the rest of a line behind a #, and the end of a continued line.
STRING_OR_SKIPPED: Final = re.compile(
    r"(\"\"\"(?:\\.|.)*?\"\"\"|'''(?:\\.|.)*?'''|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*')|#[^\n]*|\\\n", re.DOTALL
)
# As it is saved for names that are no words: getattr(self.layers, "0").
GETATTR: Final = re.compile(r"\bgetattr\s*\(\s*([\w.]+)\s*,\s*([\"'])([^\"'\\]*)\2\s*\)")
# aten::save, aten::from_file (which creates what it maps), classes of C++ such as the one that loads libraries, other
# operators; what leads to them under another name, and names that are put together.
UNSAFE: Final = re.compile(
    r"\.(?:save|from_file|_aoti\w*)\b|\btorch\.classes\b|(?<![\w.])ops\b(?!\.(?:prim|aten|quantized)\.)|"
    r"\b__torch__\b(?!\.\w)|\b__torch__\.torch\b(?!\.\w)|\bgetattr\b"
)
AROUND_DOTS: Final = re.compile(r"\s*\.\s*")
# Archives from before PyTorch 1.4, whose code lies under any name.
OLD_ARCHIVE: Final = "model.json"


def refuse_unsafe_code(path: Path) -> None:
    """Look through the code in an archive.

    Raises:
        UserError: names the file in the archive, and what it says.
    """
    for name in archive_members(path):
        # PyTorch's reader makes no difference between capitals and small letters.
        if name.lower() == OLD_ARCHIVE:
            message = (
                "The TorchScript is from before PyTorch 1.4: load it there, and save it again with torch.jit.save."
            )
            raise UserError(reasons.CHECKPOINT_INVALID, message)
        if name.lower().endswith(".py"):
            found = UNSAFE.search(as_read(read_member(path, name, MAX_PACKED_BYTES).decode("utf-8", "replace")))
            if found:
                message = (
                    f"The TorchScript would touch files or load code ({found.group().strip()} in {Path(name).name})"
                    ", which is refused: a model computes, and nothing else."
                )
                raise UserError(reasons.UNSAFE_PICKLE, message)


def as_read(code: str) -> str:
    """Code as TorchScript reads it: each attribute behind its dot, without what its lexer skips."""
    code = STRING_OR_SKIPPED.sub(lambda match: match[1] or " ", code)
    found = 1
    while found:
        code, found = GETATTR.subn(r"\1.\3", AROUND_DOTS.sub(".", code))
    return code
