"""Whom a child belongs to, and who serves custom metrics."""

from typing import Any

import pytest

from slipway_operator.custom_metrics import CustomMetrics, who_serves
from slipway_operator.handlers import parent_of


def api_service(service: str | None) -> dict[str, Any]:
    if service is None:
        return {"spec": {}}
    namespace, name = service.split("/")
    return {"spec": {"service": {"namespace": namespace, "name": name}}}


@pytest.mark.parametrize(
    ("services", "answer"),
    [
        ([], CustomMetrics()),
        (["slipway-system/api"], CustomMetrics("slipway-system/api", ours=True)),
        (["slipway-system/api", "monitoring/adapter"], CustomMetrics("monitoring/adapter", ours=False)),
        ([None], CustomMetrics("the API server itself", ours=False)),
    ],
)
def test_who_serves_custom_metrics(services: list[str | None], answer: CustomMetrics) -> None:
    assert who_serves([api_service(service) for service in services], "slipway-system/api") == answer


LABEL = {"serving.slipway.dev/model-deployment": "by-label"}
OWNER = {"kind": "ModelDeployment", "name": "by-owner", "uid": "1", "controller": True}
REPLICA_SET = {"kind": "ReplicaSet", "name": "by-label-abc", "uid": "2", "controller": True}


@pytest.mark.parametrize(
    ("meta", "name"),
    [
        ({"labels": LABEL}, "by-label"),
        ({"labels": LABEL, "ownerReferences": [REPLICA_SET]}, "by-label"),
        ({"ownerReferences": [OWNER]}, "by-owner"),
        ({"labels": LABEL, "ownerReferences": [OWNER]}, "by-owner"),
        ({"ownerReferences": [REPLICA_SET]}, None),
        ({}, None),
    ],
)
def test_the_parent_of_a_child(meta: dict[str, Any], name: str | None) -> None:
    assert parent_of({"metadata": {"namespace": "models", **meta}}) == (("models", name) if name else None)
