"""A label or a name is not enough."""

from typing import Any

from slipway_operator.ownership import controlled_by, is_deleting, is_managed


def child(name: str, *owners: dict[str, Any], **meta: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "uid": name, "ownerReferences": list(owners), **meta}}


def owner(uid: str, controller: bool = True) -> dict[str, Any]:
    return {"uid": uid, "kind": "ModelDeployment", "name": "lite0", "controller": controller}


def test_only_the_controller_counts() -> None:
    ours = child("ours", owner("other", controller=False), owner("parent"))
    documents = [
        ours,
        child("of an earlier parent of that name", owner("earlier")),
        child("merely owned", owner("parent", controller=False)),
        child("nobody's"),
        {"metadata": {"name": "bare", "uid": "bare"}},
    ]

    assert controlled_by(documents, ["parent"]) == (ours,)


def test_one_of_several_owners() -> None:
    documents = [child("a", owner("1")), child("b", owner("2")), child("c", owner("3"))]

    assert [item["metadata"]["name"] for item in controlled_by(documents, iter(["1", "3"]))] == ["a", "c"]


def test_deleting_and_managed() -> None:
    assert is_deleting(child("x", deletionTimestamp="2026-01-01T00:00:00Z"))
    assert not is_deleting(child("x"))
    assert is_managed(child("x", labels={"app.kubernetes.io/managed-by": "slipway"}))
    assert not is_managed(child("x", labels={"app.kubernetes.io/managed-by": "Helm"}))
    assert not is_managed(child("x"))
