"""The images as a pod meets them: restricted, with a read-only root file system and the image's own user."""

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.cluster import BUNDLED, kubectl, wait_for

pytestmark = pytest.mark.cluster

PACKAGES = {"operator": "slipway_operator", "optimizer": "slipway_optimizer", "serving": "slipway_serving"}
GPU_PACKAGES = {"optimizer-gpu": "slipway_optimizer", "serving-gpu": "slipway_serving"}
HERE = Path(__file__).parent
START_SECONDS = 480  # the first pull of the largest image included


def built() -> dict[str, str]:
    """The images to look at: the three that every test run builds, and those for GPUs where they were built, too."""
    images = BUNDLED / "images.json"
    references = json.loads(images.read_text()) if images.exists() else {}
    return PACKAGES | {key: package for key, package in GPU_PACKAGES.items() if key in references}


IMAGES = built()


@pytest.fixture(scope="module")
def namespace() -> Iterator[str]:
    name = f"images-{uuid.uuid4().hex[:8]}"
    kubectl("create", "namespace", name)
    kubectl("label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")
    yield name
    kubectl("delete", "namespace", name, "--wait=false")


def build_pod(name: str, image: str, script: str, *arguments: str) -> dict[str, Any]:
    container = {
        "name": "main",
        "image": image,
        "command": ["python", "-c", (HERE / script).read_text(), *arguments],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108 - in the container
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            # No runAsUser: the kubelet then starts it only if the image itself names a numeric user that is not root.
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [container],
            "volumes": [{"name": "tmp", "emptyDir": {}}],
        },
    }


def ended(namespace: str, name: str) -> dict[str, Any]:
    """What the pod has printed last, once it has ended well."""

    def phase() -> str:
        found = json.loads(kubectl("get", "pod", name, "-n", namespace, "-o", "json"))["status"]["phase"]
        return str(found) if found in {"Succeeded", "Failed"} else ""

    outcome = wait_for(phase, timeout=START_SECONDS, message=f"pod {name} did not end")
    written = kubectl("logs", "-n", namespace, name)
    assert outcome == "Succeeded", written
    return dict(json.loads(written.splitlines()[-1]))


@pytest.fixture(scope="module")
def found(namespace: str) -> dict[str, dict[str, Any]]:
    """What each image holds, by the image's name."""
    images = json.loads((BUNDLED / "images.json").read_text())
    pods = [build_pod(name, images[name], "inside.py", package) for name, package in IMAGES.items()]
    optimizers = [name for name, package in IMAGES.items() if package == "slipway_optimizer"]
    pods += [build_pod(f"{name}-export", images[name], "export.py") for name in optimizers]
    kubectl("apply", "-n", namespace, "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": pods}))
    return {pod["metadata"]["name"]: ended(namespace, pod["metadata"]["name"]) for pod in pods}


@pytest.mark.parametrize("image", IMAGES)
def test_runs_as_the_images_own_unprivileged_user(found: dict[str, dict[str, Any]], image: str) -> None:
    assert (found[image]["user"], found[image]["group"]) == (65532, 65532)
    assert found[image]["writable"] == []


@pytest.mark.parametrize("image", IMAGES)
def test_no_build_tools_and_no_installers(found: dict[str, dict[str, Any]], image: str) -> None:
    assert found[image]["programs"] == []
    assert not {"pip", "uv"} & set(found[image]["modules"])


@pytest.mark.parametrize("image", IMAGES)
def test_its_program_starts(found: dict[str, dict[str, Any]], image: str) -> None:
    assert found[image]["started"] == {"code": 0, "errors": ""}


@pytest.mark.parametrize("image", IMAGES)
def test_holds_its_own_package_and_the_contract_as_bytecode(found: dict[str, dict[str, Any]], image: str) -> None:
    assert set(found[image]["packages"]) == {"slipway_contract", IMAGES[image]}
    assert found[image]["withoutBytecode"] == []


def test_each_image_has_the_libraries_of_its_part_only(found: dict[str, dict[str, Any]]) -> None:
    libraries = {image: set(found[image]["modules"]) for image in PACKAGES}
    assert {"kopf", "kubernetes"} <= libraries["operator"]
    assert not {"torch", "onnxruntime", "fastapi"} & libraries["operator"]
    assert {"onnxruntime", "fastapi"} <= libraries["serving"]
    assert not {"torch", "kopf", "kubernetes"} & libraries["serving"]
    assert {"torch", "onnxruntime"} <= libraries["optimizer"]
    assert not {"kopf", "kubernetes", "fastapi"} & libraries["optimizer"]


@pytest.mark.parametrize("image", [name for name, package in IMAGES.items() if package == "slipway_optimizer"])
def test_pytorch_infers_trains_exports_and_quantizes(found: dict[str, dict[str, Any]], image: str) -> None:
    export = found[f"{image}-export"]
    assert export["gpu"] is False, "no node of the cluster has one"
    assert export["difference"] < 1e-5
    assert export["quantized"] < 0.1
