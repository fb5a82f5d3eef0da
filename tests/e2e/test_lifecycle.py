"""Change, revert, failure and the end of a ModelDeployment; the operator's own death in between."""

import json
from typing import Any

import httpx
import pytest
from demo.endpoint import service_url
from demo.follow import conditions, until_ready
from demo.install import NAMESPACE as SYSTEM
from demo.shell import apply, get, get_all, kubectl
from support.cluster import wait_for
from support.models import WIDTH, doubler, upload_doubler

ONES = [[1.0] * WIDTH]


pytestmark = pytest.mark.timeout(3600)  # each wait in it has its own, shorter, bound


@pytest.fixture(scope="module")
def twice() -> dict[str, str]:
    return upload_doubler(2.0)


@pytest.fixture(scope="module")
def thrice() -> dict[str, str]:
    return upload_doubler(3.0)


def ask(namespace: str, name: str) -> float:
    with service_url(namespace, name) as url:
        return httpx.post(f"{url}/v1/predict", json=ONES, timeout=120).raise_for_status().json()[0][0]


def children(namespace: str, name: str) -> list[str]:
    kinds = "jobs,pods,configmaps,deployments,replicasets,services,endpointslices,hpa,pdb,pvc"
    items = get_all(kinds, "-n", namespace, "-l", f"serving.slipway.dev/model-deployment={name}")
    return [f"{item['kind']}/{item['metadata']['name']}" for item in items]


def job_uids(namespace: str) -> set[str]:
    return {item["metadata"]["uid"] for item in get_all("jobs", "-n", namespace)}


def optimize_jobs(namespace: str, name: str) -> set[str]:
    """Not those that look at the sources."""
    selector = f"serving.slipway.dev/model-deployment={name},app.kubernetes.io/component=optimize"
    return {item["metadata"]["uid"] for item in get_all("jobs", "-n", namespace, "-l", selector)}


def test_a_new_version_replaces_the_old_one_and_a_revert_runs_no_job(
    namespace: str, twice: dict[str, str], thrice: dict[str, str]
) -> None:
    apply(doubler("versions", namespace, twice))
    until_ready(namespace, "versions")
    assert ask(namespace, "versions") == pytest.approx(2.0)

    apply(doubler("versions", namespace, thrice))
    while_optimizing = []
    wait_for(
        lambda: while_optimizing.append(ask(namespace, "versions")) or while_optimizing[-1] == pytest.approx(3.0),
        message="the new version was never served",
    )
    assert set(map(round, while_optimizing)) == {2, 3}, "the old version answered until the new one did"
    until_ready(namespace, "versions")

    jobs = job_uids(namespace)
    apply(doubler("versions", namespace, twice))
    until_ready(namespace, "versions")
    assert ask(namespace, "versions") == pytest.approx(2.0)
    assert job_uids(namespace) <= jobs, "a revert needs no Job"


def test_a_broken_version_leaves_the_old_one_serving(namespace: str, twice: dict[str, str]) -> None:
    apply(doubler("broken", namespace, twice))
    until_ready(namespace, "broken")
    apply(doubler("broken", namespace, {**twice, "sha256": "0" * 64}))

    def failed() -> dict[str, Any] | None:
        found = conditions(get("modeldeployment", "broken", "-n", namespace))
        return found if found["Optimized"]["reason"] == "SourceDigestMismatch" else None

    found = wait_for(failed, message="the failure was not reported")
    assert (found["Ready"]["status"], found["Ready"]["reason"]) == ("False", "SourceDigestMismatch")
    assert found["Available"]["status"] == "True"
    assert ask(namespace, "broken") == pytest.approx(2.0)


def test_killed_operator_pods_do_not_stop_a_running_job(namespace: str, thrice: dict[str, str]) -> None:
    apply(doubler("survivor", namespace, thrice))
    jobs = wait_for(lambda: optimize_jobs(namespace, "survivor"), message="the Job did not start")
    selector = "app.kubernetes.io/component=operator"
    kubectl("delete", "pods", "-n", SYSTEM, "-l", selector, "--grace-period=0", "--force")
    until_ready(namespace, "survivor")
    assert optimize_jobs(namespace, "survivor") == jobs, "the same Job went on"


@pytest.mark.parametrize("cascade", ["background", "foreground"])
def test_deletion_leaves_nothing_behind(namespace: str, twice: dict[str, str], cascade: str) -> None:
    name = f"gone-{cascade}"
    apply(doubler(name, namespace, twice, scale={"maxReplicas": 2}))
    until_ready(namespace, name)
    kubectl("delete", "modeldeployment", name, "-n", namespace, f"--cascade={cascade}", "--wait")
    wait_for(lambda: not children(namespace, name), message=f"left behind: {children(namespace, name)}")


def test_deletion_without_an_operator(namespace: str, twice: dict[str, str]) -> None:
    apply(doubler("orphan", namespace, twice))
    until_ready(namespace, "orphan")
    operator = get_all("deployments", "-n", SYSTEM, "-l", "app.kubernetes.io/component=operator")[0]
    name, replicas = operator["metadata"]["name"], operator["spec"]["replicas"]
    kubectl("scale", "deployment", name, "-n", SYSTEM, "--replicas=0")
    try:
        selector = "app.kubernetes.io/component=operator"
        wait_for(lambda: not get_all("pods", "-n", SYSTEM, "-l", selector), message="an operator went on")
        kubectl("delete", "modeldeployment", "orphan", "-n", namespace, "--wait", "--timeout=300s")
        wait_for(lambda: not children(namespace, "orphan"), message="children outlived their parent")
    finally:
        kubectl("scale", "deployment", name, "-n", SYSTEM, f"--replicas={replicas}")
        kubectl("rollout", "status", "deployment", name, "-n", SYSTEM, "--timeout=300s")


def test_scale_subresource_sets_the_replicas(namespace: str, twice: dict[str, str]) -> None:
    apply(doubler("scaled", namespace, twice))
    until_ready(namespace, "scaled")
    kubectl("scale", "modeldeployment/scaled", "-n", namespace, "--replicas=2")
    wait_for(
        lambda: get("deployment", "scaled", "-n", namespace)["status"].get("readyReplicas") == 2,
        message="two replicas were not ready",
    )
    scale = json.loads(
        kubectl("get", "modeldeployment", "scaled", "-n", namespace, "--subresource=scale", "-o", "json")
    )
    assert scale["spec"]["replicas"] == 2
    assert "serving.slipway.dev/model-deployment=scaled" in scale["status"]["selector"]


def test_a_quota_with_no_room_for_a_surge_is_kept(namespace: str, twice: dict[str, str]) -> None:
    """The old pod goes first, instead of a rollout that waits for ever."""
    apply(doubler("frugal", namespace, twice))
    until_ready(namespace, "frugal")
    running = [pod for pod in get_all("pods", "-n", namespace) if pod["status"]["phase"] == "Running"]
    hard = {"pods": str(len(running))}
    apply(
        {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {"name": "team", "namespace": namespace},
            "spec": {"hard": hard},
        }
    )
    try:
        wait_for(
            lambda: get("resourcequota", "team", "-n", namespace).get("status", {}).get("used"),
            message="the quota is not counted",
        )
        template = {"metadata": {"annotations": {"team": "vision"}}}
        serve = {"accelerator": {"count": 0}, "podTemplate": template}
        apply(doubler("frugal", namespace, twice, serve=serve))
        until_ready(namespace, "frugal")
        assert ask(namespace, "frugal") == pytest.approx(2.0)
    finally:
        kubectl("delete", "resourcequota", "team", "-n", namespace)
