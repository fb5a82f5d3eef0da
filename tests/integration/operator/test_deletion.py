"""A deleted ModelDeployment leaves nothing behind, and nothing comes back, while the operator looks on."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support import cluster
from support.known_artifact import conditions, create, create_optimized, get
from support.operator_process import OperatorProcess, operator

pytestmark = pytest.mark.cluster

MISSING = {"reason": ""}
TELLS_OF_THE_OLD_ONE = ("", "NameTaken", "ChildRefused")
KINDS = (
    "job,configmap,persistentvolumeclaim,deployment,service,poddisruptionbudget,horizontalpodautoscaler,replicaset,pod"
)


def left(namespace: str, name: str) -> str:
    selector = f"serving.slipway.dev/model-deployment={name}"
    return cluster.kubectl("get", KINDS, "-n", namespace, "-l", selector, "-o", "name", "--ignore-not-found")


@pytest.fixture
def running(namespace: str, tmp_path: Path) -> Iterator[OperatorProcess]:
    create_optimized(namespace, "leaving")
    with operator(namespace, tmp_path) as process:
        cluster.wait_for(lambda: get("deployment", "leaving", namespace), message="nothing was made")
        yield process


@pytest.mark.parametrize("cascade", ["background", "foreground"])
def test_nothing_is_left(cascade: str, namespace: str, running: OperatorProcess) -> None:
    cluster.kubectl("delete", "modeldeployment", "leaving", "-n", namespace, f"--cascade={cascade}", "--timeout=300s")

    cluster.wait_for(lambda: not left(namespace, "leaving"), message=left(namespace, "leaving"))
    assert running.get("/healthz")[0] == 200


def test_a_new_one_of_that_name_starts_afresh(namespace: str, running: OperatorProcess) -> None:
    old = get("persistentvolumeclaim", "leaving-artifacts", namespace)
    cluster.kubectl("delete", "modeldeployment", "leaving", "-n", namespace, "--cascade=background")

    new = create(namespace, "leaving")

    def belongs_to_the_new_one() -> bool:
        owners = (
            get("persistentvolumeclaim", "leaving-artifacts", namespace).get("metadata", {}).get("ownerReferences", [])
        )
        return [owner["uid"] for owner in owners] == [new["metadata"]["uid"]]

    cluster.wait_for(belongs_to_the_new_one, message="it was not made anew")
    assert get("persistentvolumeclaim", "leaving-artifacts", namespace)["metadata"]["uid"] != old["metadata"]["uid"]
    cluster.wait_for(lambda: not get("deployment", "leaving", namespace), message="the old one still serves")
    cluster.wait_for(
        lambda: conditions("leaving", namespace).get("Ready", MISSING)["reason"] not in TELLS_OF_THE_OLD_ONE,
        message="the status still tells of the old one",
    )
