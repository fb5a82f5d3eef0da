"""The limits that keep a newcomer's reading short, and the names that would break the standard library."""

import ast
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import yaml

from slipway_contract import __version__

ROOT = Path(__file__).parents[3]
MOST_LINES_IN_A_FILE = 400
MOST_LINES_IN_A_FUNCTION = 60
FORBIDDEN_NAMES = {"utils.py", "helpers.py", "common.py"}


def source_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / line for line in listed.stdout.splitlines() if (ROOT / line).exists()]


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_files_are_short() -> None:
    long = {
        str(path): count
        for path in source_files()
        if (count := len(path.read_text().splitlines())) > MOST_LINES_IN_A_FILE
    }
    assert not long


def test_functions_are_short() -> None:
    long = [
        f"{path}:{node.lineno} {node.name}"
        for path in source_files()
        for node in functions(ast.parse(path.read_text()))
        if (node.end_lineno or node.lineno) - node.lineno > MOST_LINES_IN_A_FUNCTION
    ]
    assert not long


def test_names_say_what_is_inside() -> None:
    assert not [path for path in source_files() if path.name in FORBIDDEN_NAMES]


def test_no_package_shadows_the_standard_library() -> None:
    assert not (ROOT / "operator" / "__init__.py").exists()
    folders = [ROOT / "tests" / kind for kind in ("unit", "integration", "e2e")]
    assert not [path for folder in folders for path in folder.rglob("__init__.py")], "tests/unit/operator would, too"


def test_one_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    chart = yaml.safe_load((ROOT / "charts" / "slipway" / "Chart.yaml").read_text())
    assert chart["version"] == chart["appVersion"] == project == __version__
