"""Children that somebody changes by hand come back as they were, while the operator runs."""

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support import cluster
from support.known_artifact import create_namespace, create_optimized, get
from support.operator_process import operator

pytestmark = pytest.mark.cluster

NAME = "steady"

Change = Callable[[str], None]


def patch(kind: str, change: dict[str, Any], type_: str = "strategic") -> Change:
    def run(namespace: str) -> None:
        cluster.kubectl("patch", kind, NAME, "-n", namespace, f"--type={type_}", "-p", json.dumps(change))

    return run


def command(*arguments: str) -> Change:
    def run(namespace: str) -> None:
        cluster.kubectl(*arguments, "-n", namespace)

    return run


def pod(spec: dict[str, Any]) -> dict[str, Any]:
    return {"spec": {"template": {"spec": spec}}}


SIDECAR = {"name": "sidecar", "image": "sidecar.test:1"}
CHANGES: dict[str, tuple[str, Change]] = {
    "image": ("deployment", command("set", "image", f"deployment/{NAME}", "server=other.test:1")),
    "replicas": ("deployment", command("scale", f"deployment/{NAME}", "--replicas=4")),
    "env added": ("deployment", command("set", "env", f"deployment/{NAME}", "--containers=server", "EXTRA=1")),
    "env changed": (
        "deployment",
        command("set", "env", f"deployment/{NAME}", "--containers=server", "SLIPWAY_QUEUE_SIZE=1"),
    ),
    "env removed": (
        "deployment",
        command("set", "env", f"deployment/{NAME}", "--containers=server", "SLIPWAY_QUEUE_SIZE-"),
    ),
    "container added": ("deployment", patch("deployment", pod({"containers": [SIDECAR]}))),
    "node selector added": ("deployment", patch("deployment", pod({"nodeSelector": {"disk": "fast"}}))),
    "volume added": ("deployment", patch("deployment", pod({"volumes": [{"name": "more", "emptyDir": {}}]}))),
    "label of pods added": (
        "deployment",
        patch("deployment", {"spec": {"template": {"metadata": {"labels": {"team": "a"}}}}}),
    ),
    "label removed": (
        "deployment",
        patch("deployment", {"metadata": {"labels": {"serving.slipway.dev/model-deployment": None}}}, "merge"),
    ),
    "managed by somebody else": (
        "service",
        patch("service", {"metadata": {"labels": {"app.kubernetes.io/managed-by": "me"}}}),
    ),
    "selector widened": ("service", patch("service", {"spec": {"selector": {"extra": "x"}}})),
    "port added": ("service", patch("service", {"spec": {"ports": [{"name": "more", "port": 81}]}})),
    "type changed": ("service", patch("service", {"spec": {"type": "NodePort"}})),
    "budget changed": ("poddisruptionbudget", patch("poddisruptionbudget", {"spec": {"maxUnavailable": 5}}, "merge")),
    "Deployment deleted": ("deployment", command("delete", "deployment", NAME)),
    "Service deleted": ("service", command("delete", "service", NAME)),
    "budget deleted": ("poddisruptionbudget", command("delete", "poddisruptionbudget", NAME)),
}


@pytest.fixture(scope="module")
def served(crd: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The namespace of a ModelDeployment that an operator looks after."""
    namespace = create_namespace()
    create_optimized(namespace, NAME)
    with operator(namespace, tmp_path_factory.mktemp("drift")):
        cluster.wait_for(lambda: get("poddisruptionbudget", NAME, namespace), message="nothing was made")
        yield namespace
    cluster.kubectl("delete", "namespace", namespace, "--wait=false")


def content(kind: str, namespace: str) -> dict[str, Any]:
    document = get(kind, NAME, namespace)
    spec = document.get("spec", {})
    addresses = ("clusterIP", "clusterIPs")
    return {
        "labels": document.get("metadata", {}).get("labels"),
        "spec": {key: value for key, value in spec.items() if key not in addresses},
    }


@pytest.mark.parametrize("what", CHANGES)
def test_it_comes_back_as_it_was(what: str, served: str) -> None:
    kind, change = CHANGES[what]
    before = content(kind, served)
    version = get(kind, NAME, served)["metadata"]["resourceVersion"]

    change(served)

    assert get(kind, NAME, served).get("metadata", {}).get("resourceVersion") != version, "the change did nothing"
    with contextlib.suppress(TimeoutError):
        cluster.wait_for(lambda: content(kind, served) == before)
    assert content(kind, served) == before


def test_a_restart_by_kubectl_is_left_alone(served: str) -> None:
    cluster.kubectl("rollout", "restart", f"deployment/{NAME}", "-n", served)
    # A later change that is repaired shows that the operator has looked at the Deployment since.
    cluster.kubectl("set", "env", f"deployment/{NAME}", "-n", served, "--containers=server", "LATER=1")

    def template() -> dict[str, Any]:
        return dict(get("deployment", NAME, served)["spec"]["template"])

    cluster.wait_for(lambda: "LATER" not in json.dumps(template()), message="the change stayed")
    assert "kubectl.kubernetes.io/restartedAt" in template()["metadata"]["annotations"]
