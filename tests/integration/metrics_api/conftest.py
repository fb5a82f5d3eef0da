"""The metrics API on this machine, registered in the running cluster, and a ModelDeployment with fake serving pods."""

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import cluster
from support.fake_serving import FakeServing, build_fake_deployment
from support.known_artifact import first_artifact
from support.metrics_api_process import Installation, MetricsApi, serving
from support.modeldeployments import modeldeployment

from slipway_operator.api.v1alpha1 import ModelDeployment
from slipway_operator.objects.hpa import build_hpa

NAME = "lite0"
SCALE = {
    "minReplicas": 1,
    "maxReplicas": 6,
    "inFlight": 4,
    "behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}},
}


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory, crd: Path) -> Iterator[Installation]:
    installed = Installation(tmp_path_factory.mktemp("metrics-api"))
    try:
        installed.install()
        yield installed
    finally:
        installed.remove()


@pytest.fixture(scope="module")
def metrics_api(installation: Installation) -> Iterator[MetricsApi]:
    with serving(installation) as replica:
        yield replica


class Model:
    """A ModelDeployment, its Deployment and its autoscaler as the operator builds it; the first pod is fake."""

    def __init__(self) -> None:
        self.namespace = f"model-{uuid.uuid4().hex[:8]}"
        self.pod = FakeServing()
        cluster.kubectl("create", "namespace", self.namespace)
        created = self._apply(modeldeployment({"spec": {"scale": SCALE}}, name=NAME))
        self._apply(build_fake_deployment(NAME))
        self.parent = ModelDeployment.model_validate(created)
        cluster.kubectl(
            "-n", self.namespace, "wait", "--for=jsonpath={.status.replicas}=1", "--timeout=300s", f"deployment/{NAME}"
        )

    def become_ready(self) -> None:
        names = cluster.kubectl("-n", self.namespace, "get", "pods", "-o", "name").split()
        self.pod.become(self.namespace, names[0].removeprefix("pod/"))

    def autoscale(self) -> None:
        self._apply(build_hpa(self.parent, first_artifact(self.parent), on_cpu=False))

    @property
    def replicas(self) -> int:
        deployment = self._get("deployment")
        return int(deployment["spec"]["replicas"])

    @property
    def scaling_active(self) -> tuple[str, str]:
        """Status and message of the autoscaler's condition."""
        conditions = self._get("horizontalpodautoscaler").get("status", {}).get("conditions", ())
        found = [(it["status"], it["message"]) for it in conditions if it["type"] == "ScalingActive"]
        return found[0] if found else ("", "")

    def read_metric(self, name: str = NAME) -> tuple[bool, str]:
        """As a client of the API server gets it: whether, and the document or the error."""
        group = "/apis/custom.metrics.k8s.io/v1beta2"
        path = f"{group}/namespaces/{self.namespace}/modeldeployments.serving.slipway.dev/{name}/inflight_requests"
        try:
            return True, cluster.kubectl("get", "--raw", path)
        except RuntimeError as error:
            return False, str(error)

    def remove(self) -> None:
        self.pod.close()
        cluster.kubectl("delete", "namespace", self.namespace, "--wait=false")

    def _apply(self, document: dict[str, Any]) -> dict[str, Any]:
        arguments = ("-n", self.namespace, "apply", "-f", "-", "-o", "json")
        return dict(json.loads(cluster.kubectl(*arguments, stdin=json.dumps(document))))

    def _get(self, kind: str) -> dict[str, Any]:
        return dict(json.loads(cluster.kubectl("-n", self.namespace, "get", kind, NAME, "-o", "json")))


@pytest.fixture
def model(crd: Path) -> Iterator[Model]:
    made = Model()
    yield made
    made.remove()
