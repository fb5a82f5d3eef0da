"""One pass against the real API server: what it makes, what it leaves alone, what it says."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from support import cluster
from support.known_artifact import conditions, create, create_optimized, get

from slipway_operator.apply import Applier, ParentGoneError
from slipway_operator.controller import PassIncompleteError
from slipway_operator.events import EventRecorder
from slipway_operator.kube import Json, KubeApi
from slipway_operator.observe import Observer
from slipway_operator.state import Event
from slipway_operator.work_queue import Key

pytestmark = pytest.mark.cluster

KINDS = "job,configmap,persistentvolumeclaim,deployment,service,poddisruptionbudget,horizontalpodautoscaler"
AUTOSCALED = {"spec": {"scale": {"maxReplicas": 5}}}


def children(namespace: str, name: str) -> dict[str, dict[str, Any]]:
    """By Kind/name."""
    selector = f"serving.slipway.dev/model-deployment={name}"
    answer = cluster.kubectl("get", KINDS, "-n", namespace, "-l", selector, "-o", "json")
    return {f"{item['kind']}/{item['metadata']['name']}": item for item in json.loads(answer)["items"]}


def _events(namespace: str, name: str, reason: str) -> list[int]:
    """How often each Event object was seen."""
    answer = cluster.kubectl("get", "events.v1.events.k8s.io", "-n", namespace, "-o", "json")
    return [
        (event.get("series") or {"count": 1})["count"]
        for event in json.loads(answer)["items"]
        if (event["regarding"]["name"], event["reason"]) == (name, reason)
    ]


def _patch(kind: str, name: str, namespace: str, patch: dict[str, Any]) -> None:
    cluster.kubectl("patch", kind, name, "-n", namespace, "--type=merge", "-p", json.dumps(patch))


async def test_a_new_model_deployment_gets_its_job(namespace: str, run_once: Any) -> None:
    parent = create(namespace, "fresh")

    await run_once(namespace, "fresh")

    made = children(namespace, "fresh")
    assert sorted(name.split("/")[0] for name in made) == ["ConfigMap", "Job", "PersistentVolumeClaim"]
    for child in made.values():
        (owner,) = child["metadata"]["ownerReferences"]
        assert owner["uid"] == parent["metadata"]["uid"]
        assert owner["controller"]
        assert owner["blockOwnerDeletion"]
    assert conditions("fresh", namespace)["Ready"]["status"] == "False"


async def test_an_optimized_one_gets_its_serving_side(namespace: str, run_once: Any) -> None:
    create_optimized(namespace, "served", AUTOSCALED)

    await run_once(namespace, "served")

    made = children(namespace, "served")
    assert {
        "Deployment/served",
        "Service/served",
        "PodDisruptionBudget/served",
        "HorizontalPodAutoscaler/served",
        "PersistentVolumeClaim/served-artifacts",
    } == set(made)


async def test_a_pass_with_nothing_to_do_writes_nothing(
    namespace: str, run_once: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But for what other controllers make of the first one, and that comes to rest."""
    create_optimized(namespace, "quiet", AUTOSCALED)
    await run_once(namespace, "quiet")
    written: list[str] = []
    for method in ("create", "replace", "apply", "patch", "delete"):
        monkeypatch.setattr(KubeApi, method, _told(getattr(KubeApi, method), written))

    async with asyncio.timeout(cluster.PATIENCE_SECONDS):
        while True:
            written.clear()
            await run_once(namespace, "quiet")
            if not written:
                break


def _told(method: Callable[..., Awaitable[Any]], written: list[str]) -> Callable[..., Awaitable[Any]]:
    async def write(api: KubeApi, path: str, *arguments: Any, **query: Any) -> Any:
        before = await api.find(path) or {}
        after = await method(api, path, *arguments, **query) or {}
        # An apply that changes nothing is none; other controllers that write in between are seen in the next pass.
        if not after or _version(before) != _version(after):
            written.append(path)
        return after

    return write


def _version(document: Json) -> Any:
    return document.get("metadata", {}).get("resourceVersion")


async def test_what_is_not_desired_goes(namespace: str, run_once: Any) -> None:
    create_optimized(namespace, "shrinking", AUTOSCALED)
    await run_once(namespace, "shrinking")
    assert "HorizontalPodAutoscaler/shrinking" in children(namespace, "shrinking")

    _patch("modeldeployment", "shrinking", namespace, {"spec": {"scale": {"maxReplicas": None}}})
    await run_once(namespace, "shrinking")

    assert "HorizontalPodAutoscaler/shrinking" not in children(namespace, "shrinking")
    assert "PersistentVolumeClaim/shrinking-artifacts" in children(namespace, "shrinking")


async def test_autoscaling_starts_from_the_replicas_that_are_there(namespace: str, run_once: Any) -> None:
    create_optimized(namespace, "growing", {"spec": {"scale": {"replicas": 3}}})
    await run_once(namespace, "growing")
    assert get("deployment", "growing", namespace)["spec"]["replicas"] == 3

    _patch("modeldeployment", "growing", namespace, {"spec": {"scale": {"replicas": None, "maxReplicas": 5}}})
    for _ in range(2):
        await run_once(namespace, "growing")

    assert get("deployment", "growing", namespace)["spec"]["replicas"] == 3


async def test_an_object_of_somebody_else_is_not_touched(namespace: str, run_once: Any) -> None:
    cluster.kubectl("create", "service", "clusterip", "taken", "-n", namespace, "--tcp=1234:1234")
    before = get("service", "taken", namespace)
    create_optimized(namespace, "taken")

    with pytest.raises(PassIncompleteError):
        await run_once(namespace, "taken")

    assert get("service", "taken", namespace) == before
    ready = conditions("taken", namespace)["Ready"]
    assert (ready["status"], ready["reason"]) == ("False", "NameTaken")
    assert "Service taken exists" in ready["message"]
    assert "Deployment/taken" in children(namespace, "taken")

    cluster.kubectl("delete", "service", "taken", "-n", namespace)
    await run_once(namespace, "taken")

    assert "Service/taken" in children(namespace, "taken")
    assert conditions("taken", namespace)["Ready"]["reason"] != "NameTaken"


async def test_a_refused_child_is_explained_and_the_rest_stays(namespace: str, run_once: Any) -> None:
    create_optimized(namespace, "refused", AUTOSCALED)
    await run_once(namespace, "refused")

    template = {"spec": {"containers": [{"name": "server", "ports": [{"containerPort": 99999}]}]}}
    patch = {"spec": {"serve": {"podTemplate": template}, "scale": {"maxReplicas": None}}}
    _patch("modeldeployment", "refused", namespace, patch)
    with pytest.raises(PassIncompleteError):
        await run_once(namespace, "refused")

    ready = conditions("refused", namespace)["Ready"]
    assert (ready["status"], ready["reason"]) == ("False", "ChildRefused")
    assert "Deployment refused" in ready["message"]
    assert "99999" in ready["message"]
    # Nothing is deleted on the strength of a half-applied state.
    assert "HorizontalPodAutoscaler/refused" in children(namespace, "refused")
    assert _events(namespace, "refused", "ChildRefused") == [1]


async def test_a_field_that_no_pod_has_is_explained(namespace: str, run_once: Any) -> None:
    """The API server calls that an internal error of its own."""
    create_optimized(namespace, "misspelt", {"spec": {"serve": {"podTemplate": {"spec": {"priorityClass": "high"}}}}})
    with pytest.raises(PassIncompleteError):
        await run_once(namespace, "misspelt")

    ready = conditions("misspelt", namespace)["Ready"]
    assert (ready["status"], ready["reason"]) == ("False", "ChildRefused")
    assert "priorityClass" in ready["message"]


async def test_a_job_that_is_outdated_is_replaced(namespace: str, run_once: Any) -> None:
    """Its template cannot change: one pass deletes it, and the next one makes it anew."""
    create(namespace, "upgraded")
    await run_once(namespace, "upgraded")
    (before,) = (child for child in children(namespace, "upgraded").values() if child["kind"] == "Job")
    _patch("modeldeployment", "upgraded", namespace, {"spec": {"optimize": {"resources": {"limits": {"cpu": "1"}}}}})

    for _ in range(2):
        await run_once(namespace, "upgraded", image_pull_secrets=("registry",))

    (after,) = (child for child in children(namespace, "upgraded").values() if child["kind"] == "Job")
    assert after["metadata"]["uid"] != before["metadata"]["uid"]
    assert after["spec"]["template"]["spec"]["imagePullSecrets"] == [{"name": "registry"}]


async def test_a_parent_that_is_being_deleted_gets_nothing(namespace: str, run_once: Any) -> None:
    create_optimized(namespace, "going", {"metadata": {"finalizers": ["example.com/hold"]}})
    await run_once(namespace, "going")
    cluster.kubectl("delete", "modeldeployment", "going", "-n", namespace, "--wait=false")
    cluster.kubectl("delete", "deployment,service", "going", "-n", namespace)

    await run_once(namespace, "going")

    assert "Deployment/going" not in children(namespace, "going")
    assert "Service/going" not in children(namespace, "going")
    _patch("modeldeployment", "going", namespace, {"metadata": {"finalizers": None}})


async def test_a_missing_parent_is_nothing_to_do(namespace: str, run_once: Any) -> None:
    assert await run_once(namespace, "absent") is None


async def test_events_tell_what_changed_and_do_not_repeat(namespace: str, run_once: Any, api: KubeApi) -> None:
    create(namespace, "told")
    await run_once(namespace, "told")
    await run_once(namespace, "told")

    assert _events(namespace, "told", "WaitingForArtifact") == [1]


class OutdatedObserver(Observer):
    """Reads a spec as if it had been stored under another version of the CRD."""

    async def document(self, key: Key) -> Json | None:
        document = await super().document(key)
        assert document is not None
        return {**document, "spec": {**document["spec"], "scale": {"minReplicas": "many"}}}


async def test_a_spec_that_cannot_be_read_is_reported_and_stops_nothing(
    namespace: str, run_once: Any, api: KubeApi
) -> None:
    create_optimized(namespace, "outdated")
    await run_once(namespace, "outdated")
    before = children(namespace, "outdated").keys()

    assert await run_once(namespace, "outdated", observer_type=OutdatedObserver) is None

    ready = conditions("outdated", namespace)["Ready"]
    assert (ready["status"], ready["reason"]) == ("False", "InvalidSpec")
    assert "spec.scale.minReplicas" in ready["message"]
    assert conditions("outdated", namespace).keys() > {"Available", "Scaling"}
    assert children(namespace, "outdated").keys() == before
    assert _events(namespace, "outdated", "InvalidSpec") == [1]


async def test_the_status_of_an_object_that_was_replaced_is_not_written(namespace: str, api: KubeApi) -> None:
    old = create(namespace, "replaced")
    cluster.kubectl("delete", "modeldeployment", "replaced", "-n", namespace)
    create(namespace, "replaced")

    with pytest.raises(ParentGoneError):
        await Applier(api).write_status(old, {"observedGeneration": 7})

    assert "status" not in get("modeldeployment", "replaced", namespace)


async def test_an_event_that_is_repeated_is_counted(namespace: str, api: KubeApi) -> None:
    parent = create(namespace, "again")
    event = Event(type="Warning", reason="Flapping", message="Up and down.", action="Serve")

    for _ in range(3):
        await EventRecorder(api, "test").record(parent, event)

    assert _events(namespace, "again", "Flapping") == [3]
    assert "Up and down." in cluster.kubectl("describe", "modeldeployment", "again", "-n", namespace)
