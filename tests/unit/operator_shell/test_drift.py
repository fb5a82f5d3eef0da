"""Which fields of others are taken over, as pure data."""

from typing import Any

import pytest

from slipway_operator.drift import repaired_managed_fields

ENV = {"f:env": {'k:{"name":"EXTRA"}': {".": {}, "f:name": {}, "f:value": {}}}}
SERVER = {'k:{"name":"server"}': ENV}


def pod(fields: dict[str, Any]) -> dict[str, Any]:
    return {"f:spec": {"f:template": {"f:spec": fields}}}


def entry(manager: str, fields: dict[str, Any], operation: str = "Update", **more: str) -> dict[str, Any]:
    return {
        "manager": manager,
        "operation": operation,
        "apiVersion": "apps/v1",
        "fieldsType": "FieldsV1",
        "time": "2026-01-01T00:00:00Z",
        "fieldsV1": fields,
        **more,
    }


OURS = entry("slipway", pod({"f:containers": {'k:{"name":"server"}': {".": {}, "f:image": {}}}}), "Apply")


def live(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"managedFields": list(entries)}}


def fields_of(entries: list[dict[str, Any]] | None, manager: str) -> Any:
    assert entries is not None
    return next((item["fieldsV1"] for item in entries if item["manager"] == manager), None)


def test_nothing_to_repair() -> None:
    assert repaired_managed_fields(live(OURS)) is None
    assert repaired_managed_fields({"metadata": {}}) is None


def test_an_added_field_becomes_ours() -> None:
    repaired = repaired_managed_fields(live(OURS, entry("kubectl-edit", pod({"f:containers": SERVER}))))

    server = fields_of(repaired, "slipway")["f:spec"]["f:template"]["f:spec"]["f:containers"]['k:{"name":"server"}']
    assert server == {".": {}, "f:image": {}, **ENV}
    assert fields_of(repaired, "kubectl-edit") is None


def test_a_field_that_both_have_stays_ours_and_goes_from_the_other() -> None:
    theirs = entry("kubectl", OURS["fieldsV1"])

    assert repaired_managed_fields(live(OURS, theirs)) == [OURS]


@pytest.mark.parametrize("operation", ["Update", "Apply"])
def test_server_side_apply_by_others_is_drift_too(operation: str) -> None:
    repaired = repaired_managed_fields(live(OURS, entry("me", pod({"f:nodeSelector": {"f:disk": {}}}), operation)))

    assert fields_of(repaired, "me") is None
    assert "f:nodeSelector" in fields_of(repaired, "slipway")["f:spec"]["f:template"]["f:spec"]


@pytest.mark.parametrize(
    "other",
    [
        entry("kube-controller-manager", {"f:spec": {"f:volumeName": {}}}),
        entry("kube-controller-manager", {"f:spec": {"f:replicas": {}}}, subresource="scale"),
        entry("kubectl", {"f:spec": {"f:replicas": {}}}, subresource="scale"),
        entry("kubectl", {"f:status": {}}, subresource="status"),
        entry("kubectl", {"f:spec": {"f:replicas": {}}}),
        entry("kubectl", {"f:metadata": {"f:annotations": {"f:note": {}}}}),
        entry("kubectl", {"f:spec": {"f:x": {}}}, apiVersion="apps/v1beta1"),
    ],
)
def test_what_is_not_drift(other: dict[str, Any]) -> None:
    assert repaired_managed_fields(live(OURS, other)) is None


def test_a_rollout_restart_stays_and_what_came_with_it_goes() -> None:
    restart = {"f:metadata": {"f:annotations": {".": {}, "f:kubectl.kubernetes.io/restartedAt": {}}}}
    only = entry("kubectl-rollout", {"f:spec": {"f:template": restart}})
    assert fields_of(repaired_managed_fields(live(OURS, only)) or [OURS, only], "kubectl-rollout")

    both = {**restart, "f:spec": {"f:nodeSelector": {"f:disk": {}}}}
    repaired = repaired_managed_fields(live(OURS, entry("kubectl", {"f:spec": {"f:template": both}})))

    annotation = {"f:kubectl.kubernetes.io/restartedAt": {}}
    assert fields_of(repaired, "kubectl") == {"f:spec": {"f:template": {"f:metadata": {"f:annotations": annotation}}}}
    template = fields_of(repaired, "slipway")["f:spec"]["f:template"]
    assert "f:metadata" not in template
    assert "f:nodeSelector" in template["f:spec"]


def test_a_restart_alone_is_not_repaired_over_and_over() -> None:
    restart = {"f:metadata": {"f:annotations": {".": {}, "f:kubectl.kubernetes.io/restartedAt": {}}}}
    theirs = entry("kubectl-rollout", {"f:spec": {"f:template": restart}})

    assert repaired_managed_fields(live(OURS, theirs)) is None


def test_metadata_of_others_stays_with_them() -> None:
    annotations = {"f:metadata": {"f:annotations": {"f:note": {}}}}
    repaired = repaired_managed_fields(live(OURS, entry("me", {**annotations, **pod({"f:hostNetwork": {}})})))

    assert fields_of(repaired, "me") == annotations


def test_data_of_a_config_map() -> None:
    ours = entry("slipway", {"f:data": {"f:a": {}}}, "Apply", apiVersion="v1")
    repaired = repaired_managed_fields(live(ours, entry("me", {"f:data": {"f:b": {}}}, apiVersion="v1")))

    assert repaired == [{**ours, "fieldsV1": {"f:data": {"f:a": {}, "f:b": {}}}}]


def test_the_argument_is_not_changed() -> None:
    theirs = entry("me", pod({"f:containers": SERVER}))
    document = live(OURS, theirs)
    before = repr(document)

    repaired_managed_fields(document)

    assert repr(document) == before
