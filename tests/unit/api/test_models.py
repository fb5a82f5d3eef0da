"""What the API server sends is read; what the operator writes has the names of the API."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from slipway_operator.api.v1alpha1 import Condition, ModelDeployment, ModelDeploymentStatus

EXAMPLES = sorted((Path(__file__).parents[3] / "examples").glob("*/modeldeployment.yaml"))

MINIMAL: dict[str, Any] = {
    "apiVersion": "serving.slipway.dev/v1alpha1",
    "kind": "ModelDeployment",
    "metadata": {"name": "m", "namespace": "default", "generation": 1},
    "spec": {
        "model": {
            "source": {"uri": "s3://models/m.onnx"},
            "format": "ONNX",
            "inputs": [{"name": "image", "shape": ["batch", 3]}],
            "outputs": [{"name": "logits"}],
        }
    },
}


def test_a_minimal_object_gets_the_defaults() -> None:
    parent = ModelDeployment.model_validate(MINIMAL)

    assert parent.spec.optimize.quantize.mode == "Auto"
    assert (parent.spec.serve.accelerator.resource, parent.spec.serve.accelerator.count) == ("nvidia.com/gpu", 1)
    assert (parent.spec.scale.replicas, parent.spec.scale.max_replicas) == (1, None)
    assert parent.spec.serve.batching is None
    assert parent.status == ModelDeploymentStatus()


def test_dimensions_keep_their_types() -> None:
    assert ModelDeployment.model_validate(MINIMAL).spec.model.inputs[0].shape == ["batch", 3]


def test_fields_of_a_later_version_are_ignored() -> None:
    spec = MINIMAL["spec"] | {"later": {"field": 1}}

    parent = ModelDeployment.model_validate(MINIMAL | {"spec": spec, "status": {"phase": "x"}})

    assert parent == ModelDeployment.model_validate(MINIMAL)


def test_a_status_is_written_in_camel_case_and_reads_back() -> None:
    condition = Condition(type="Ready", status="True", observed_generation=1, reason="Serving", message="It serves.")
    status = ModelDeploymentStatus(observed_generation=1, conditions=[condition], ready_replicas=0)

    written = status.model_dump(by_alias=True, exclude_none=True)

    assert written["observedGeneration"] == 1
    assert written["readyReplicas"] == 0
    assert ModelDeploymentStatus.model_validate(written) == status


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.parent.name)
def test_the_examples_are_read(example: Path) -> None:
    ModelDeployment.model_validate(yaml.safe_load(example.read_text()))
