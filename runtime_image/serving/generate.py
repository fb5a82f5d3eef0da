"""Writes the gRPC messages' Python from inference.proto, or with --check shows where it has drifted from it.

Run by `make generate` and `make verify`, in the root of the repository.
"""

import argparse
import difflib
import sys
import tempfile
from pathlib import Path

from grpc_tools import protoc

ROOT = Path("runtime_image/serving")
PROTO = "slipway_serving/oip/inference.proto"
GENERATED = ("slipway_serving/oip/inference_pb2.py", "slipway_serving/oip/inference_pb2.pyi")


def render() -> dict[str, str]:
    """The generated files' texts by name.

    Raises:
        SystemExit: protoc refuses the file; it has said why.
    """
    with tempfile.TemporaryDirectory() as folder:
        code = protoc.main(["protoc", f"-I{ROOT}", f"--python_out=pyi_out:{folder}", PROTO])
        if code:
            raise SystemExit(code)
        return {name: (Path(folder) / name).read_text() for name in GENERATED}


def write() -> int:
    for name, text in render().items():
        (ROOT / name).write_text(text)
    return 0


def check() -> int:
    drifted = 0
    for name, text in render().items():
        file = ROOT / name
        found = file.read_text() if file.exists() else ""
        if found != text:
            drifted = 1
            lines = difflib.unified_diff(found.splitlines(), text.splitlines(), str(file), "generated", lineterm="")
            sys.stdout.write("\n".join(lines) + "\n")
    return drifted


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing, fail where files have drifted")
    sys.exit(check() if parser.parse_args().check else write())
