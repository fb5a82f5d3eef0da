"""Documents that name files rot unless they are tested."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from slipway_operator.api.v1alpha1 import ModelDeployment

ROOT = Path(__file__).parents[3]
DOCUMENTS = [
    *("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "runtime_image/README.md", "charts/slipway/README.md"),
    *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "examples").rglob("*.md")),
]
TOP_LEVEL = ("operator/", "runtime_image/", "crds/", "charts/", "tests/", "examples/")
# made by a command, or made of a placeholder
NOT_IN_GIT = re.compile(r"[<>*]|^\.cluster/|\.\.\.|…")


def named_paths(text: str) -> set[str]:
    quoted = {match for span in re.findall(r"`([^`\n]+)`", text) for match in span.split()}
    return {path for path in quoted if path.startswith(TOP_LEVEL) and not NOT_IN_GIT.search(path)}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_paths_in_documents_exist(document: str) -> None:
    missing = [path for path in named_paths((ROOT / document).read_text()) if not (ROOT / path).exists()]
    assert not missing


@pytest.mark.parametrize("document", DOCUMENTS)
def test_make_targets_in_documents_exist(document: str) -> None:
    named = set(re.findall(r"^make ([a-z-]+)|`make ([a-z-]+)", (ROOT / document).read_text(), re.MULTILINE))
    for target in {first or second for first, second in named} - {"bench-"}:
        done = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=False)
        assert "No rule to make target" not in done.stderr, target


def documented_resources() -> list[dict]:
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    examples = [path.read_text() for path in sorted((ROOT / "examples").glob("*/modeldeployment.yaml"))]
    return [
        item
        for text in [*blocks, *examples]
        for item in [yaml.safe_load(text)]
        if item.get("kind") == "ModelDeployment"
    ]


def test_documented_resources_are_valid() -> None:
    resources = documented_resources()
    assert len(resources) >= 3
    for resource in resources:
        ModelDeployment.model_validate(resource)


def test_every_example_has_a_readme() -> None:
    folders = [path for path in (ROOT / "examples").glob("[0-9][0-9]-*") if path.is_dir()]
    assert folders
    assert all((folder / "README.md").exists() for folder in folders)
