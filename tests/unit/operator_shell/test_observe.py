"""What is read of pods: whose log tells something, whom to ask what is served, and who serves custom metrics."""

from typing import Any

import pytest

from slipway_operator.custom_metrics import CustomMetrics, who_serves
from slipway_operator.handlers import parent_of
from slipway_operator.observe import has_telling_log, newest_ready, status_url

RUNNING = {"state": {"running": {}}}
WAITING = {"state": {"waiting": {"reason": "ContainerCreating"}}}
SUCCEEDED = {"state": {"terminated": {"exitCode": 0}}}
FAILED = {"state": {"terminated": {"exitCode": 64}}}
RESTARTING = {**WAITING, "lastState": {"terminated": {"exitCode": 70}}}


@pytest.mark.parametrize(
    ("status", "tells"),
    [(RUNNING, True), (FAILED, True), (RESTARTING, True), (WAITING, False), (SUCCEEDED, False), (None, False)],
)
def test_telling_logs(status: dict[str, Any] | None, tells: bool) -> None:
    assert has_telling_log({"status": {"containerStatuses": [status]} if status else {}}) == tells


def pod(name: str, created: str, ready: str = "True", **meta: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "creationTimestamp": created, **meta},
        "status": {"conditions": [{"type": "Ready", "status": ready}], "podIP": "10.0.0.1"},
    }


def test_the_newest_ready_pod_is_asked() -> None:
    pods = (
        pod("old", "2026-01-01T00:00:00Z"),
        pod("newer", "2026-01-02T00:00:00Z"),
        pod("starting", "2026-01-03T00:00:00Z", ready="False"),
        pod("leaving", "2026-01-04T00:00:00Z", deletionTimestamp="2026-01-04T00:00:01Z"),
        {"metadata": {"name": "pending", "creationTimestamp": "2026-01-05T00:00:00Z"}},
    )

    chosen = newest_ready(pods)

    assert chosen is not None
    assert chosen["metadata"]["name"] == "newer"
    assert newest_ready(()) is None


@pytest.mark.parametrize(
    ("address", "url"),
    [("10.0.0.1", "http://10.0.0.1:8080/v1/status"), ("fd00::1", "http://[fd00::1]:8080/v1/status")],
)
def test_status_url(address: str, url: str) -> None:
    assert status_url({"status": {"podIP": address}}) == url


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
