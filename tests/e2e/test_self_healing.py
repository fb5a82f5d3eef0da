"""A served model whose children are deleted and edited by hand: each comes back as it was."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from demo.follow import until_ready
from demo.shell import apply, get, kubectl
from support.cluster import wait_for
from support.models import doubler, upload_doubler

NAME = "healing"


@pytest.fixture(scope="module")
def served(namespace: str) -> Iterator[str]:
    apply(doubler(NAME, namespace, upload_doubler(), scale={"minReplicas": 1, "maxReplicas": 2}))
    until_ready(namespace, NAME)
    yield namespace
    kubectl("delete", "modeldeployment", NAME, "-n", namespace)


def shape_of(item: dict[str, Any]) -> dict[str, Any]:
    """Everything that Slipway says of a child; not what the cluster fills in."""
    return {
        "labels": item["metadata"].get("labels"),
        "owner": item["metadata"]["ownerReferences"][0]["uid"],
        "spec": {
            key: value for key, value in item["spec"].items() if key not in {"clusterIP", "clusterIPs", "replicas"}
        },
    }


@pytest.mark.parametrize("kind", ["deployment", "service", "horizontalpodautoscaler", "poddisruptionbudget"])
def test_deleted_child_comes_back(served: str, kind: str) -> None:
    before = get(kind, NAME, "-n", served)
    kubectl("delete", kind, NAME, "-n", served)

    def is_back() -> bool:
        item = get(kind, NAME, "-n", served)
        return bool(item) and item["metadata"]["uid"] != before["metadata"]["uid"]

    wait_for(is_back, message=f"{kind} did not come back")
    assert shape_of(get(kind, NAME, "-n", served)) == shape_of(before)
    until_ready(served, NAME)


@pytest.mark.parametrize(
    ("kind", "patch"),
    [
        (
            "deployment",
            {"spec": {"template": {"spec": {"containers": [{"name": "server", "image": "example.test/other:1"}]}}}},
        ),
        (
            "deployment",
            {
                "spec": {
                    "template": {"spec": {"containers": [{"name": "server", "env": [{"name": "EXTRA", "value": "1"}]}]}}
                }
            },
        ),
        ("service", {"spec": {"selector": {"extra": "selector"}}}),
        ("horizontalpodautoscaler", {"spec": {"maxReplicas": 9}}),
        ("poddisruptionbudget", {"metadata": {"labels": {"app.kubernetes.io/managed-by": "somebody"}}}),
    ],
    ids=["image", "added-env", "service-selector", "hpa-bounds", "labels"],
)
def test_edited_child_is_put_right(served: str, kind: str, patch: dict[str, Any]) -> None:
    before = shape_of(get(kind, NAME, "-n", served))
    kubectl("patch", kind, NAME, "-n", served, "-p", json.dumps(patch))
    wait_for(
        lambda: shape_of(get(kind, NAME, "-n", served)) == before,
        message=f"{kind} stayed as it was edited",
    )
