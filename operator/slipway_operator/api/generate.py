"""Writes the CRD to the files that hold it, or with --check shows where they have drifted from the models.

Run by `make generate` and `make verify`, in the root of the repository.
"""

import argparse
import difflib
import sys
from pathlib import Path
from typing import Any

import yaml

from slipway_operator.api.crd import build_crd

FILES = (
    Path("crds/serving.slipway.dev_modeldeployments.yaml"),
    Path("charts/slipway/files/crd.yaml"),
)

HEADER = "# Generated from operator/slipway_operator/api by `make generate`; edit the models, not this file.\n"


class _PlainDumper(yaml.SafeDumper):
    """A schema that is used in two places is written twice: kubectl takes anchors, readers and other tools may not."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def render_crd() -> str:
    return HEADER + yaml.dump(build_crd(), Dumper=_PlainDumper, sort_keys=False, width=200, allow_unicode=True)


def write(files: tuple[Path, ...]) -> int:
    text = render_crd()
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return 0


def check(files: tuple[Path, ...]) -> int:
    """Print what generating would change; 1 if it would change anything."""
    text = render_crd()
    diffs = [diff for file in files for diff in _diff(file, text)]
    if diffs:
        sys.stdout.writelines(diffs)
        sys.stdout.write("The CRD has drifted from the models: run `make generate` and commit the result.\n")
    return 1 if diffs else 0


def _diff(file: Path, text: str) -> list[str]:
    there = file.read_text() if file.exists() else ""
    lines = (there.splitlines(keepends=True), text.splitlines(keepends=True))
    return list(difflib.unified_diff(*lines, fromfile=str(file), tofile=f"{file} (generated)"))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m slipway_operator.api.generate", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail and print the diff where a file has drifted"
    )
    return check(FILES) if parser.parse_args().check else write(FILES)


if __name__ == "__main__":
    sys.exit(main())
