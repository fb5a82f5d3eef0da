"""The bundled cluster does what a real one does: admission, DNS, volumes, devices, metrics, pulls, exec and logs."""

import json
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from slipway_cluster.addon_images import AddonImage, build_addon_images
from slipway_cluster.node_settings import NODE_NAME, REGISTRY_NAME
from slipway_cluster.paths import Layout
from support.cluster import BUNDLED, kubectl, wait_for

pytestmark = pytest.mark.cluster

GPU = "nvidia.com/gpu"
RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


@pytest.fixture(scope="module")
def busybox() -> AddonImage:
    return build_addon_images(Layout())["busybox"]


def build_pod(name: str, image: str, script: str, gpus: int = 0) -> dict[str, Any]:
    container = {"name": "main", "image": image, "command": ["sh", "-c", script], "securityContext": RESTRICTED}
    container |= {"resources": {"limits": {GPU: str(gpus)}}} if gpus else {}
    security = {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 1,
            "securityContext": security,
            "containers": [container],
        },
    }


def with_volume(pod: dict[str, Any], claim: str) -> dict[str, Any]:
    pod["spec"]["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": claim}}]
    pod["spec"]["containers"][0]["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
    return pod


def apply(namespace: str, *objects: dict[str, Any]) -> None:
    items = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
    kubectl("apply", "-n", namespace, "-f", "-", stdin=json.dumps(items))


def get(namespace: str, kind: str, name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(kubectl("get", kind, name, "-n", namespace, "-o", "json"))
    return content


def output(namespace: str, name: str) -> str:
    """What a pod that has ended successfully has written."""

    def phase() -> str:
        found: str = get(namespace, "pod", name)["status"]["phase"]
        return found if found in {"Succeeded", "Failed"} else ""

    ended = wait_for(phase, message=f"pod {name} did not end")
    written = kubectl("logs", "-n", namespace, name)
    assert ended == "Succeeded", written
    return written


def wait_until_ready(namespace: str, name: str) -> None:
    kubectl("wait", "-n", namespace, "--for=condition=Ready", f"pod/{name}", "--timeout=300s")


def test_a_restricted_pod_runs(namespace: str, busybox: AddonImage) -> None:
    apply(namespace, build_pod("restricted", busybox.reference, "id -u; touch /x 2>&1; grep CapEff /proc/self/status"))

    written = output(namespace, "restricted")

    assert written.startswith("1000\n")
    assert "Read-only file system" in written
    assert "CapEff:\t0000000000000000" in written


def test_a_privileged_pod_is_refused(namespace: str, busybox: AddonImage) -> None:
    pod = build_pod("privileged", busybox.reference, "true")
    pod["spec"]["containers"][0]["securityContext"] = {"privileged": True}

    with pytest.raises(RuntimeError, match='violates PodSecurity "restricted:latest": privileged'):
        apply(namespace, pod)


@pytest.fixture(scope="module")
def web(namespace: str, busybox: AddonImage) -> str:
    """The cluster IP of a Service, once it leads to its pod."""
    serve = "echo hello > /dev/shm/index.html; exec httpd -f -p 8080 -h /dev/shm"
    spec = {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": spec}
    apply(namespace, build_pod("web", busybox.reference, serve), service)
    wait_until_ready(namespace, "web")

    address: str = get(namespace, "service", "web")["spec"]["clusterIP"]
    wait_for(lambda: is_answered(address), message="the Service never led to its pod")
    return address


def is_answered(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://{address}", timeout=60) as answer:
            return bool(answer.read() == b"hello\n")
    except OSError:
        return False


@pytest.mark.usefixtures("web")
def test_dns_resolves_a_service(namespace: str, busybox: AddonImage) -> None:
    apply(namespace, build_pod("asks", busybox.reference, f"wget -qO- http://web.{namespace}.svc http://web"))

    assert output(namespace, "asks") == "hello\nhello\n"


def test_the_host_reaches_a_service(web: str) -> None:
    assert is_answered(web)


@pytest.mark.usefixtures("web")
def test_a_pod_reaches_itself_through_its_service(namespace: str) -> None:
    address = f"http://web.{namespace}.svc"  # its short name is its own host name too
    assert kubectl("exec", "-n", namespace, "web", "--", "wget", "-qO-", address) == "hello\n"


def test_a_claim_is_provisioned_and_keeps_what_is_written(namespace: str, busybox: AddonImage) -> None:
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Mi"}}},
    }
    apply(namespace, claim, with_volume(build_pod("writes", busybox.reference, "echo kept > /data/file"), "data"))
    output(namespace, "writes")

    apply(namespace, with_volume(build_pod("reads", busybox.reference, "cat /data/file"), "data"))

    assert output(namespace, "reads") == "kept\n"
    assert get(namespace, "pvc", "data")["spec"]["storageClassName"] == "local-path"


def free_devices() -> int:
    """How many devices no other pod of the cluster holds."""
    node = json.loads(kubectl("get", "node", NODE_NAME, "-o", "json"))
    pods = json.loads(kubectl("get", "pods", "-A", "--field-selector=status.phase=Running", "-o", "json"))["items"]
    containers = [container for pod in pods for container in pod["spec"]["containers"]]
    held = sum(int(container.get("resources", {}).get("limits", {}).get(GPU, 0)) for container in containers)
    return int(node["status"]["allocatable"][GPU]) - held


def test_devices_are_allocated_until_there_are_none(namespace: str, busybox: AddonImage) -> None:
    count = free_devices()
    apply(namespace, build_pod("all-devices", busybox.reference, "echo $FAKE_GPU_DEVICES; exec sleep 600", gpus=count))
    wait_until_ready(namespace, "all-devices")
    written = wait_for(lambda: kubectl("logs", "-n", namespace, "all-devices"))
    assert len({name for name in written.strip().split(",") if name.startswith("fake-gpu-")}) == count

    apply(namespace, build_pod("one-more", busybox.reference, "true", gpus=1))

    def message() -> str:
        conditions = get(namespace, "pod", "one-more")["status"].get("conditions", [])
        return next((c.get("message", "") for c in conditions if c["type"] == "PodScheduled"), "")

    assert f"Insufficient {GPU}" in wait_for(message)
    kubectl("delete", "pod", "all-devices", "-n", namespace)
    output(namespace, "one-more")


def test_the_node_says_which_product_its_devices_are() -> None:
    node = json.loads(kubectl("get", "node", NODE_NAME, "-o", "json"))

    assert node["metadata"]["labels"]["nvidia.com/gpu.product"] == "Fake-GPU"


def test_metrics_answer_for_node_and_pods() -> None:
    def metrics(path: str) -> dict[str, Any]:
        try:
            return dict(json.loads(kubectl("get", "--raw", f"/apis/metrics.k8s.io/v1beta1/{path}")))
        except RuntimeError:
            return {}

    # The first figures are there a while after the server is.
    wait_for(lambda: {"cpu", "memory"} <= metrics(f"nodes/{NODE_NAME}").get("usage", {}).keys())
    wait_for(lambda: metrics("namespaces/kube-system/pods").get("items"))


def test_exec_and_logs_of_a_running_pod(namespace: str, busybox: AddonImage) -> None:
    apply(namespace, build_pod("runs", busybox.reference, "echo started; exec sleep 600"))
    wait_until_ready(namespace, "runs")

    assert kubectl("exec", "-n", namespace, "-i", "runs", "--", "tr", "a-z", "A-Z", stdin="quiet") == "QUIET"
    assert wait_for(lambda: kubectl("logs", "-n", namespace, "runs")) == "started\n"


def test_the_node_pulls_from_the_registry(namespace: str, busybox: AddonImage, tmp_path: Path) -> None:
    registry = json.loads((BUNDLED / "registry.json").read_text())
    storage = ["--root", f"{tmp_path}/root", "--runroot", f"{tmp_path}/runroot", "--storage-driver", "vfs"]
    target = f"test/{namespace}:1"
    pull = ["pull", "--quiet", f"oci-archive:{busybox.archive}"]
    pulled = subprocess.run(["buildah", *storage, *pull], capture_output=True, text=True, check=True).stdout.strip()
    push = ["push", "--quiet", "--tls-verify=false", pulled, f"docker://{registry['push']}/{target}"]
    subprocess.run(["buildah", *storage, *push], capture_output=True, check=True)

    apply(namespace, build_pod("pulled", f"{REGISTRY_NAME}/{target}", "echo pulled"))

    assert registry["name"] == REGISTRY_NAME
    assert output(namespace, "pulled") == "pulled\n"


def test_neither_a_pod_nor_a_node_may_do_what_is_not_theirs(namespace: str) -> None:
    def may(who: str, *what: str) -> bool:
        try:
            return kubectl("auth", "can-i", *what, f"--as={who}").strip() == "yes"
        except RuntimeError:
            return False

    assert not may(f"system:serviceaccount:{namespace}:default", "list", "secrets", "-n", namespace)
    node = (f"system:node:{NODE_NAME}", "get", "--as-group=system:nodes")
    assert may(*node, f"node/{NODE_NAME}")
    assert not may(*node, "secret/s3", "-n", namespace)
    assert may(*node, "secret/s3", "-n", "object-store")


def test_the_object_store_keeps_what_is_put() -> None:
    access = json.loads((BUNDLED / "s3.json").read_text())
    client = botocore.session.get_session().create_client(
        "s3",
        endpoint_url=access["hostEndpoint"],
        aws_access_key_id=access["accessKey"],
        aws_secret_access_key=access["secretKey"],
        region_name="us-east-1",
    )

    client.put_object(Bucket=access["bucket"], Key="test/object", Body=b"content")

    assert client.get_object(Bucket=access["bucket"], Key="test/object")["Body"].read() == b"content"
    client.delete_object(Bucket=access["bucket"], Key="test/object")
