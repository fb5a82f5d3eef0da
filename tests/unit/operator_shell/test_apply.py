"""When the children are applied again, and when they are left alone."""

import copy
from typing import Any

import pytest
from support.stories import read_story

from slipway_operator.apply import Applier
from slipway_operator.observe import Snapshot
from slipway_operator.reconcile import reconcile
from slipway_operator.state import Object, Observed
from slipway_operator.work_queue import Key

KEY = Key("vision", "lite0")


class Api:
    """Keeps what was applied; an apply that changes nothing leaves the resourceVersion."""

    def __init__(self) -> None:
        self.objects: dict[str, Any] = {}
        self.applied = 0

    async def find(self, path: str) -> Any:
        return copy.deepcopy(self.objects.get(path))

    async def apply(self, path: str, body: Any, field_manager: str) -> Any:
        self.applied += 1
        live = self.objects.get(path, {"metadata": {"uid": path, "resourceVersion": "1"}})
        managed = [{"manager": field_manager, "operation": "Apply", "apiVersion": body["apiVersion"], "fieldsV1": {}}]
        kept = {"uid": path, "resourceVersion": live["metadata"]["resourceVersion"], "managedFields": managed}
        status = {"status": live["status"]} if "status" in live else {}
        self.objects[path] = copy.deepcopy({**body, "metadata": {**body["metadata"], **kept}, **status})
        return copy.deepcopy(self.objects[path])


@pytest.fixture
def observed() -> Observed:
    return read_story("autoscaled-first-pass").observed


async def run_pass(applier: Applier, api: Api, observed: Observed) -> tuple[Object, ...]:
    document = {"metadata": dict(observed.parent.metadata)}
    children = tuple(copy.deepcopy(child) for child in api.objects.values())
    desired = reconcile(observed).children
    assert await applier.apply_children(KEY, Snapshot(document, children, observed), desired) == []
    return desired


async def settle(applier: Applier, api: Api, observed: Observed) -> int:
    """Passes until nothing is applied; how many applies that took."""
    before = -1
    while before != api.applied:
        before = api.applied
        await run_pass(applier, api, observed)
    return api.applied


async def test_what_is_as_it_should_be_is_not_applied_again(observed: Observed) -> None:
    api = Api()
    applier = Applier(api)  # type: ignore[arg-type]
    desired = await run_pass(applier, api, observed)
    claims = 1  # are made, and never changed
    assert await settle(applier, api, observed) == 2 * len(desired) - claims


async def test_a_change_of_status_is_no_reason_and_any_other_is(observed: Observed) -> None:
    api = Api()
    applier = Applier(api)  # type: ignore[arg-type]
    settled = await settle(applier, api, observed)
    autoscaler = next(child for child in api.objects.values() if child["kind"] == "HorizontalPodAutoscaler")

    theirs = {"manager": "kcm", "subresource": "status", "apiVersion": "autoscaling/v2", "fieldsV1": {"f:status": {}}}
    autoscaler["status"] = {"currentReplicas": 3}
    autoscaler["metadata"]["resourceVersion"] = "2"
    autoscaler["metadata"]["managedFields"].append(theirs)
    assert await settle(applier, api, observed) == settled

    autoscaler["metadata"]["labels"] = {}
    assert await settle(applier, api, observed) > settled


async def test_what_is_wanted_anew_is_applied(observed: Observed) -> None:
    api = Api()
    applier = Applier(api)  # type: ignore[arg-type]
    settled = await settle(applier, api, observed)
    applier.forget(KEY)
    await run_pass(applier, api, observed)
    assert api.applied > settled


@pytest.mark.parametrize(
    ("owners", "told"),
    [
        ([], "is not controlled by this ModelDeployment: delete it"),
        ([{"kind": "ModelDeployment", "name": "other", "uid": "0", "controller": True}], "delete it"),
        ([{"kind": "ModelDeployment", "name": "lite0", "uid": "0", "controller": True}], "waiting until"),
    ],
)
async def test_a_name_that_is_taken(observed: Observed, owners: list[dict[str, Any]], told: str) -> None:
    """What an earlier object of the same name left behind goes by itself; anything else is the user's to decide on."""
    api = Api()
    path = "/apis/apps/v1/namespaces/vision/deployments/lite0"
    api.objects[path] = {"metadata": {"name": "lite0", "uid": "x", "ownerReferences": owners}}
    snapshot = Snapshot({"metadata": dict(observed.parent.metadata)}, (), observed)

    (fault,) = await Applier(api).apply_children(KEY, snapshot, reconcile(observed).children)  # type: ignore[arg-type]

    assert fault.reason == "NameTaken"
    assert told in fault.message
