"""The optimization Job on a real cluster: where it runs, how it ends, what stops it, what it leaves in the store."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
from demo import object_store
from demo.follow import conditions, until_ready
from demo.install import images
from demo.shell import apply, get, get_all, kubectl
from support.cluster import wait_for
from support.models import CODE, doubler, upload_doubler

GPU = "nvidia.com/gpu"
ENDLESS = CODE.replace("super().__init__()", "super().__init__(); __import__('time').sleep(3600)")
GREEDY = CODE.replace("super().__init__()", "super().__init__(); self.hoard = bytearray(b'x' * 2**31)")

pytestmark = pytest.mark.timeout(3600)  # each wait in it has its own, shorter, bound


@pytest.fixture(scope="module")
def files() -> dict[str, str]:
    return upload_doubler(2.0)


def upload_code(name: str, code: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "doubler.py").write_text(code)
        object_store.upload(Path(folder), name)
    return f"s3://{object_store.object_store().bucket}/{name}/doubler.py"


def status(name: str, namespace: str) -> dict[str, Any]:
    return dict(get("modeldeployment", name, "-n", namespace).get("status", {}))


def condition(name: str, namespace: str, reason: str) -> dict[str, Any]:
    def found() -> dict[str, Any] | None:
        item = conditions({"status": status(name, namespace)}).get("Optimized", {})
        return item if item.get("reason") == reason else None

    return wait_for(found, message=f"{name}: Optimized was never {reason}")


def jobs(namespace: str, name: str) -> list[dict[str, Any]]:
    selector = f"serving.slipway.dev/model-deployment={name},app.kubernetes.io/component=optimize"
    return get_all("jobs", "-n", namespace, "-l", selector)


def delete(name: str, namespace: str) -> None:
    kubectl("delete", "modeldeployment", name, "-n", namespace, "--wait=false")


def test_a_model_for_a_gpu_is_measured_on_one(namespace: str, files: dict[str, str]) -> None:
    """On the fake GPU nothing but the CPU answers: the Job runs all the same, as the serving pods do."""
    apply(doubler("ongpu", namespace, files, serve={}))
    wait_for(lambda: jobs(namespace, "ongpu"), message="no Job")
    (job,) = jobs(namespace, "ongpu")
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert container["resources"]["limits"] == {GPU: "1"}
    until_optimized = condition("ongpu", namespace, "ArtifactReady")
    assert until_optimized["status"] == "True"
    artifact = status("ongpu", namespace)["artifact"]
    assert artifact["hardwareClass"] == GPU
    assert artifact["summary"].startswith("FP32")
    assert artifact["reportUri"] == f"{artifact['uri']}/report.html"
    delete("ongpu", namespace)


def test_a_job_without_a_device_says_who_holds_them(namespace: str, files: dict[str, str]) -> None:
    """All devices are held by the pods that serve the earlier version; one fewer, and the Job runs."""
    nodes = get_all("nodes")
    devices = sum(int(node["status"]["allocatable"].get(GPU, 0)) for node in nodes)
    hold = {"accelerator": {"count": devices}}
    apply(doubler("hoarder", namespace, files, serve=hold))
    until_ready(namespace, "hoarder")
    apply(doubler("hoarder", namespace, files, serve=hold, optimize={"quantize": {"mode": "FP16"}}))
    waiting = condition("hoarder", namespace, "WaitingForAccelerator")
    assert f"hold {devices} {GPU}" in waiting["message"]
    assert "--replicas=0" in waiting["message"]
    kubectl("scale", "modeldeployment/hoarder", "-n", namespace, "--replicas=0")
    condition("hoarder", namespace, "ArtifactReady")
    kubectl("scale", "modeldeployment/hoarder", "-n", namespace, "--replicas=1")
    until_ready(namespace, "hoarder")
    delete("hoarder", namespace)


def test_a_new_spec_cancels_the_running_job(namespace: str, files: dict[str, str]) -> None:
    endless = {**files, "code": upload_code("endless", ENDLESS)}
    apply(doubler("changed", namespace, endless))
    condition("changed", namespace, "Optimizing")
    (first,) = jobs(namespace, "changed")
    apply(doubler("changed", namespace, files))
    until_ready(namespace, "changed")
    name = first["metadata"]["name"]
    wait_for(lambda: name not in [job["metadata"]["name"] for job in jobs(namespace, "changed")], message="it stayed")
    selector = f"batch.kubernetes.io/job-name={name}"
    wait_for(lambda: not get_all("pods", "-n", namespace, "-l", selector), message="its pod did not go with it")
    delete("changed", namespace)


def test_a_job_that_takes_too_long_is_stopped(namespace: str, files: dict[str, str]) -> None:
    endless = {**files, "code": upload_code("endless", ENDLESS)}
    optimize = {"quantize": {"mode": "None"}, "activeDeadlineSeconds": 60}
    apply(doubler("late", namespace, endless, optimize=optimize))
    stopped = condition("late", namespace, "DeadlineExceeded")
    assert "it had run for 60 seconds" in stopped["message"]
    assert "spec.optimize.activeDeadlineSeconds" in stopped["message"]
    apply(doubler("late", namespace, endless, optimize=optimize | {"activeDeadlineSeconds": 600}))
    condition("late", namespace, "Optimizing")
    delete("late", namespace)


def test_an_out_of_memory_kill_says_what_there_was(namespace: str, files: dict[str, str]) -> None:
    greedy = {**files, "code": upload_code("greedy", GREEDY)}
    optimize = {"quantize": {"mode": "None"}, "resources": {"limits": {"memory": "1Gi"}}}
    apply(doubler("greedy", namespace, greedy, optimize=optimize))
    killed = condition("greedy", namespace, "OutOfMemory")
    assert "its limit of 1Gi, at stage Load" in killed["message"]
    assert "GiB were in use when it last told" in killed["message"]
    delete("greedy", namespace)


def test_old_artifacts_leave_the_store(namespace: str, files: dict[str, str]) -> None:
    store = object_store.object_store()
    prefix = f"{store.bucket}/collected-{namespace}"
    spec = {
        "store": {"uri": f"s3://{prefix}", "secretRef": {"name": object_store.SECRET}},
        "revisionHistoryLimit": 0,
    }
    kept = []
    for factor in (2.0, 3.0, 4.0):
        apply(doubler("collected", namespace, upload_doubler(factor), **spec))
        until_ready(namespace, "collected")
        kept.append(status("collected", namespace)["artifact"]["recipeDigest"].removeprefix("sha256:"))
    filesystem = object_store.filesystem(store)
    there = {path.rsplit("/", 1)[-1] for path in filesystem.ls(prefix, refresh=True)}
    assert kept[0] not in there, "nobody serves it any more"
    assert set(kept[1:]) <= there, "the one that was served when the Job ran, and the new one"
    assert (
        "artifactHistory" not in status("collected", namespace) or not status("collected", namespace)["artifactHistory"]
    )
    delete("collected", namespace)


def test_a_pickle_needs_the_administrator(namespace: str, files: dict[str, str]) -> None:
    model = doubler("pickled", namespace, files)
    for field in ("factory", "code"):
        del model["spec"]["model"][field]
    model["spec"]["model"] |= {"format": "PickledModule", "allowPickle": True}
    apply(model)
    refused = condition("pickled", namespace, "PickleNotAllowed")
    assert "optimizer.allowPickle" in refused["message"]
    assert jobs(namespace, "pickled") == []
    delete("pickled", namespace)


def test_an_image_of_the_users(namespace: str, files: dict[str, str]) -> None:
    image = images()["optimizer"]
    apply(doubler("ownimage", namespace, files, optimize={"quantize": {"mode": "None"}, "image": image}))
    until_ready(namespace, "ownimage")
    assert status("ownimage", namespace)["artifact"]["optimizerImage"] == image
    delete("ownimage", namespace)
