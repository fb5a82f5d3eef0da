"""The API server and the models fill in the same, and what the API server sends is what the models read."""

import json
from typing import Any

import pytest
from support.modeldeployments import MINIMAL, Kubectl, modeldeployment

from slipway_operator.api.v1alpha1 import ModelDeployment

pytestmark = pytest.mark.cluster


def created(kubectl: Kubectl, patch: dict[str, Any]) -> dict[str, Any]:
    answer = kubectl("create", "--dry-run=server", "-o", "json", "-f", "-", stdin=modeldeployment(patch))
    assert answer.returncode == 0, answer.stderr
    return dict(json.loads(answer.stdout))


@pytest.mark.parametrize(
    "patch",
    [
        pytest.param({}, id="nothing given"),
        pytest.param({"spec": {"optimize": {}, "serve": {}, "scale": {}}}, id="empty objects"),
        pytest.param(
            {"spec": {"optimize": {"evaluate": {"data": {"uri": "s3://models/data.npz"}, "maxDrop": 0.5}}}},
            id="a neighbour given, two levels down",
        ),
        pytest.param({"spec": {"serve": {"accelerator": {"count": 0}}}}, id="a neighbour given, in serve"),
        pytest.param({"spec": {"serve": {"batching": {}}}}, id="an optional object turned on"),
        pytest.param({"spec": {"scale": {"maxReplicas": 4}}}, id="autoscaling turned on"),
    ],
)
def test_schema_and_models_have_the_same_defaults(kubectl: Kubectl, patch: dict[str, Any]) -> None:
    sent = modeldeployment(patch)
    from_models = ModelDeployment.model_validate(sent).spec.model_dump(by_alias=True, exclude_none=True)

    assert created(kubectl, patch)["spec"] == from_models


def test_null_is_as_good_as_absent(kubectl: Kubectl) -> None:
    nulls = json.loads(json.dumps(MINIMAL))
    nulls["spec"] |= {"scale": {"replicas": None, "maxReplicas": None}, "store": None, "optimize": None}

    answer = kubectl("create", "--dry-run=server", "-o", "json", "-f", "-", stdin=nulls)

    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout)["spec"] == created(kubectl, {})["spec"]


def test_what_the_api_server_returns_is_read_without_loss(kubectl: Kubectl) -> None:
    patch: dict[str, Any] = {
        "spec": {
            "model": {
                "format": "StateDict",
                "factory": "net:Net",
                "factoryArgs": ["small", 3, 0.5, True, {"depth": 2}, [1, 2]],
                "factoryKwargs": {"head": {"dropout": 0.1}},
            },
            "serve": {
                "resources": {"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"cpu": 2}},
                "podTemplate": {"spec": {"affinity": {"nodeAffinity": {}}}, "metadata": {"labels": {"team": "vision"}}},
            },
            "scale": {"maxReplicas": 4, "metrics": [{"type": "Resource"}], "behavior": {"scaleDown": {}}},
            "store": {"uri": "s3://artifacts", "secretRef": {"name": "object-store"}},
        }
    }

    returned = created(kubectl, patch)
    read = ModelDeployment.model_validate(returned)

    assert read.spec.model_dump(by_alias=True, exclude_none=True) == returned["spec"]
    assert returned["spec"]["model"]["factoryArgs"] == patch["spec"]["model"]["factoryArgs"]
    assert returned["spec"]["serve"]["podTemplate"] == patch["spec"]["serve"]["podTemplate"]


def test_a_new_object_has_no_status(kubectl: Kubectl) -> None:
    assert "status" not in created(kubectl, {})
