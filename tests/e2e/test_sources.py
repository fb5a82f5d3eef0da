"""Sources without a digest: looked at before the Job, followed where the spec says so, no danger to what serves."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from demo import object_store
from demo.endpoint import service_url
from demo.follow import conditions, until_ready
from demo.shell import apply, get, get_all, kubectl
from support.cluster import wait_for
from support.models import WIDTH, doubler, upload_doubler

PREFIX = "followed"
ONES = [[1.0] * WIDTH]

pytestmark = pytest.mark.timeout(3600)  # each wait in it has its own, shorter, bound


@pytest.fixture(scope="module")
def files() -> dict[str, str]:
    return upload_doubler(2.0, PREFIX)


def unpinned(name: str, namespace: str, files: dict[str, str], **spec: Any) -> dict[str, Any]:
    model = doubler(name, namespace, files, **spec)
    del model["spec"]["model"]["source"]["sha256"]
    return model


def status(name: str, namespace: str) -> dict[str, Any]:
    return dict(get("modeldeployment", name, "-n", namespace).get("status", {}))


def ask(namespace: str, name: str) -> float:
    with service_url(namespace, name) as url:
        return float(httpx.post(f"{url}/v1/predict", json=ONES, timeout=120).raise_for_status().json()[0][0])


def jobs(namespace: str, name: str) -> dict[str, dict[str, Any]]:
    """By component."""
    selector = f"serving.slipway.dev/model-deployment={name}"
    items = get_all("jobs", "-n", namespace, "-l", selector)
    return {item["metadata"]["labels"]["app.kubernetes.io/component"]: item for item in items}


def events(namespace: str, name: str) -> list[str]:
    items = json.loads(kubectl("get", "events.v1.events.k8s.io", "-n", namespace, "-o", "json"))["items"]
    return [item["reason"] for item in items if item["regarding"]["name"] == name]


@pytest.fixture(scope="module")
def followed(namespace: str, files: dict[str, str]) -> Iterator[str]:
    policy = {"mode": "OnDigestChange", "interval": "10s"}
    apply(unpinned("followed", namespace, files, updatePolicy=policy))
    until_ready(namespace, "followed")
    yield namespace
    kubectl("delete", "modeldeployment", "followed", "-n", namespace)


def test_a_source_is_looked_up_and_its_id_is_the_jobs(namespace: str, files: dict[str, str]) -> None:
    apply(unpinned("pinned", namespace, files))
    until_ready(namespace, "pinned")
    sources = {source["field"]: source for source in status("pinned", namespace)["sources"]}
    assert sources.keys() == {"model.source", "model.code"}
    assert all(source["resolvedAt"] for source in sources.values())
    (container,) = jobs(namespace, "pinned")["optimize"]["spec"]["template"]["spec"]["containers"]
    assert "--resolved" in container["args"]
    assert status("pinned", namespace)["artifact"]["sources"] == list(sources.values())


def test_new_bytes_at_the_same_uri_are_rolled_out(followed: str) -> None:
    before = status("followed", followed)
    assert ask(followed, "followed") == pytest.approx(2.0)
    _overwrite_with(3.0)
    answers: list[float] = []
    wait_for(
        lambda: answers.append(ask(followed, "followed")) or answers[-1] == pytest.approx(3.0),
        message="the new bytes were never served",
    )
    assert set(map(round, answers)) == {2, 3}, "the old version answered until the new one did"
    until_ready(followed, "followed")
    after = status("followed", followed)
    assert after["artifact"]["recipeDigest"] != before["artifact"]["recipeDigest"]
    assert after["lastCheckedAt"] > before["lastCheckedAt"]
    wait_for(lambda: "SourceChanged" in events(followed, "followed"), message="no event tells of it")


def test_the_same_bytes_run_no_job(followed: str) -> None:
    before = status("followed", followed)
    wait_for(
        lambda: status("followed", followed)["lastCheckedAt"] > before["lastCheckedAt"],
        message="nobody looked again",
    )
    after = status("followed", followed)
    assert after["artifact"] == before["artifact"]
    assert conditions({"status": after})["Ready"]["status"] == "True"


def test_a_look_that_fails_leaves_everything_serving(followed: str) -> None:
    served = ask(followed, "followed")
    store = object_store.object_store()
    object_store.filesystem(store).rm(f"{store.bucket}/{PREFIX}/times-2.0.pth")
    found = wait_for(lambda: _check_failure(followed), message="the failed look did not show")
    assert (found["Optimized"]["status"], found["Ready"]["status"]) == ("True", "True")
    assert "times-2.0.pth" in found["Optimized"]["message"]
    assert ask(followed, "followed") == pytest.approx(served)
    _overwrite_with(served)
    wait_for(lambda: not _check_failure(followed), message="the next look did not clear it")


def test_a_uri_that_leads_nowhere_is_said_before_any_job_runs(namespace: str, files: dict[str, str]) -> None:
    store = object_store.object_store()
    apply(unpinned("nowhere", namespace, {**files, "uri": f"s3://{store.bucket}/{PREFIX}/nothing.pth"}))
    failed = wait_for(lambda: _failed(namespace, "nowhere"), message="the failure was not reported")
    assert "nothing.pth" in failed["message"]
    assert "optimize" not in jobs(namespace, "nowhere")


def _check_failure(namespace: str) -> dict[str, dict[str, Any]] | None:
    found = conditions({"status": status("followed", namespace)})
    return found if found["Optimized"]["reason"] == "CheckFailed" else None


def _failed(namespace: str, name: str) -> dict[str, Any] | None:
    found = conditions({"status": status(name, namespace)}).get("Optimized", {})
    return found if found.get("reason") == "SourceNotFound" else None


def _overwrite_with(factor: float) -> None:
    """Other bytes under the name that the spec has."""
    new = upload_doubler(factor, f"{PREFIX}-new")
    store = object_store.object_store()
    source = new["uri"].removeprefix("s3://")
    object_store.filesystem(store).copy(source, f"{store.bucket}/{PREFIX}/times-2.0.pth")
