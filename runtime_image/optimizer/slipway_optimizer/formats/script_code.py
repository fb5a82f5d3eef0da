"""TorchScript's own code, read before it is loaded: what of the language touches files has no place in a model.

Loading may run a `__setstate__`, and PyTorch's operators can write files and load libraries.
"""

import re
import zipfile
from pathlib import Path
from typing import Final

from slipway_optimizer import reasons
from slipway_optimizer.errors import UserError

# aten::save, aten::from_file (which creates what it maps), classes of C++ such as the one that loads libraries; and
# names that are put together, so that none of these can be.
UNSAFE: Final = re.compile(
    r"\.\s*(?:save|from_file|_aoti\w*)\s*\(|\btorch\s*\.\s*classes\b|\bops\s*\.\s*(?!prim\b|aten\b|quantized\b)\w+|"
    r"\bgetattr\s*\([^)]*(?:[\"']\s*[\"']|\\|[\"'](?:save|from_file|classes|ops)[\"'])"
)


def refuse_unsafe_code(path: Path) -> None:
    """Look through the code in a checked archive.

    Raises:
        UserError: names the file in the archive, and what it says.
    """
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if "/code/" not in name or not name.endswith(".py"):
                continue
            found = UNSAFE.search(archive.read(name).decode("utf-8", "replace"))
            if found:
                message = (
                    f"The TorchScript would touch files or load code ({found.group().strip()} in {Path(name).name})"
                    ", which is refused: a model computes, and nothing else."
                )
                raise UserError(reasons.UNSAFE_PICKLE, message)
