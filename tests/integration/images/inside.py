"""Runs in a container of an image and prints, as JSON, what it finds there; its argument is the package to start."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

PROGRAMS = ("pip", "pip3", "uv", "gcc", "cc", "ld", "as", "make", "git", "curl", "wget")
MODULES = ("pip", "ensurepip", "uv", "torch", "onnxruntime", "kopf", "kubernetes", "fastapi")
PACKAGES = ("slipway_operator", "slipway_contract", "slipway_optimizer", "slipway_serving")
OWN = Path("/opt/slipway")


def without_bytecode(folder: Path) -> list[str]:
    return [
        str(file) for file in folder.rglob("*.py") if not Path(importlib.util.cache_from_source(str(file))).exists()
    ]


def main() -> None:
    package = sys.argv[1]
    start = subprocess.run([sys.executable, "-m", package, "--help"], capture_output=True, text=True, check=False)
    found = {
        "user": os.getuid(),
        "group": os.getgid(),
        "programs": [name for name in PROGRAMS if shutil.which(name)],
        "modules": [name for name in MODULES if importlib.util.find_spec(name)],
        "packages": [name for name in PACKAGES if importlib.util.find_spec(name)],
        "withoutBytecode": without_bytecode(OWN),
        "writable": [path for path in sys.path if path and os.access(path, os.W_OK)],
        "started": {"code": start.returncode, "errors": start.stderr},
    }
    print(json.dumps(found))  # noqa: T201


if __name__ == "__main__":
    main()
