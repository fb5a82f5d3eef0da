"""What the schema itself refuses: unknown fields, missing ones, values out of range."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.modeldeployments import Kubectl, modeldeployment

pytestmark = pytest.mark.cluster

ROOT = Path(__file__).parents[3]


def documented() -> Iterator[Any]:
    for example in sorted((ROOT / "examples").glob("*/modeldeployment.yaml")):
        yield pytest.param(example.read_text(), id=example.parent.name)
    for block in re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL):
        if "kind: ModelDeployment" in block:
            yield pytest.param(block, id="README.md")


@pytest.mark.parametrize("text", list(documented()))
def test_what_the_documents_show_is_accepted(kubectl: Kubectl, text: str) -> None:
    answer = kubectl("apply", "--validate=strict", "--dry-run=server", "-f", "-", stdin=yaml.safe_load(text))

    assert answer.returncode == 0, answer.stderr


@pytest.mark.parametrize(
    ("patch", "field"),
    [
        pytest.param({"spec": {"sacle": {"replicas": 2}}}, "spec.sacle", id="a misspelt section"),
        pytest.param({"spec": {"model": {"source": {"url": "x"}}}}, "spec.model.source.url", id="deep inside"),
        pytest.param(
            {"spec": {"serve": {"podTemplate": {"affinity": {}}}}}, "spec.serve.podTemplate.affinity", id="pod"
        ),
        pytest.param(
            {"spec": {"model": {"outputs": [{"name": "logits", "shape": [3]}]}}},
            "spec.model.outputs[0].shape",
            id="list",
        ),
    ],
)
def test_unknown_fields_are_an_error_under_strict_validation(
    kubectl: Kubectl, patch: dict[str, Any], field: str
) -> None:
    answer = kubectl("apply", "--validate=strict", "--dry-run=server", "-f", "-", stdin=modeldeployment(patch))

    assert answer.returncode != 0
    assert f'unknown field "{field}"' in answer.stderr


@pytest.mark.parametrize(
    ("patch", "message"),
    [
        pytest.param({"spec": {"model": None}}, "spec.model: Required value", id="no model"),
        pytest.param({"spec": {"model": {"source": None}}}, "spec.model.source: Required value", id="no source"),
        pytest.param({"spec": {"model": {"outputs": []}}}, "spec.model.outputs", id="no output"),
        pytest.param(
            {"spec": {"model": {"format": "Keras"}}},
            'supported values: "StateDict", "SafeTensors", "TorchScript", "ExportedProgram"',
            id="a format that is not there",
        ),
        pytest.param({"spec": {"optimize": {"evaluate": {"maxDrop": -0.1}}}}, "or equal to 0", id="maxDrop"),
        pytest.param(
            {"spec": {"optimize": {"evaluate": {"minSpeedup": 0.5}}}}, "greater than or equal to 1", id="speedup"
        ),
        pytest.param({"spec": {"scale": {"replicas": -1}}}, "greater than or equal to 0", id="negative replicas"),
        pytest.param(
            {"spec": {"serve": {"resources": {"limits": {"cpu": 0.5}}}}},
            "type integer,string",
            id="a quantity as a float",
        ),
    ],
)
def test_values_out_of_range(kubectl: Kubectl, patch: dict[str, Any], message: str) -> None:
    answer = kubectl("create", "--dry-run=server", "-f", "-", stdin=modeldeployment(patch))

    assert answer.returncode != 0
    assert message in answer.stderr
