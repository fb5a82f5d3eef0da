"""What a person with kubectl sees: install, explain, get, scale."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.cluster import wait_for
from support.modeldeployments import Kubectl, modeldeployment

pytestmark = pytest.mark.cluster

MEASURED = {"sizeBytes": 4_000_000, "latencyMicroseconds": 5200}
STATUS = {
    "observedGeneration": 1,
    "conditions": [
        {
            "type": "Ready",
            "status": "True",
            "observedGeneration": 1,
            "lastTransitionTime": "2026-01-01T00:00:00Z",
            "reason": "Serving",
            "message": "1 of 1 replicas answer.",
        }
    ],
    "artifact": {
        "digest": "sha256:1",
        "recipeDigest": "sha256:2",
        "uri": "s3://artifacts/2",
        "sourceDigest": "sha256:3",
        "optimizerImage": "optimizer:1",
        "hardwareClass": "cpu",
        "variant": "DynamicINT8",
        "sizeBytes": 4_000_000,
        "speedup": "1.9",
        "drop": "0.004",
        "reason": "fastest within the budget",
        "reference": MEASURED,
        "baseline": MEASURED,
        "measured": MEASURED,
    },
    "url": "http://shown.default.svc:80",
    "executionProvider": "CPUExecutionProvider",
    "replicas": 1,
    "readyReplicas": 1,
    "selector": "serving.slipway.dev/model-deployment=shown",
}


def create(kubectl: Kubectl, name: str, patch: dict[str, Any]) -> None:
    answer = kubectl("create", "-f", "-", stdin=modeldeployment(patch, name=name))
    assert answer.returncode == 0, answer.stderr


def test_client_side_apply_takes_the_crd(kubectl: Kubectl, crd: Path) -> None:
    """Its annotation holds the whole object and has a limit of 256 KiB."""
    answer = kubectl("apply", "--dry-run=server", "-f", str(crd))

    assert answer.returncode == 0, answer.stderr


def test_explain_is_documentation(kubectl: Kubectl) -> None:
    explained = wait_for(
        lambda: kubectl("explain", "modeldeployment.spec.model.source").stdout,
        message="the API server never published the CRD",
    )
    assert "pvc://CLAIM/PATH" in explained

    fields = kubectl("explain", "modeldeployment.spec", "--recursive").stdout
    for field in ("maxDrop", "inFlight", "runtimeClassName", "podTemplate", "secretRef"):
        assert field in fields


@pytest.mark.parametrize("resource", ["md", "modeldeployment", "modeldeployments", "slipway", "all"])
def test_short_name_and_categories(kubectl: Kubectl, resource: str) -> None:
    assert kubectl("get", f"{resource}").returncode == 0
    listed = kubectl("api-resources", "--api-group=serving.slipway.dev", "-o", "wide", "--no-headers").stdout.split()

    assert listed[:5] == ["modeldeployments", "md", "serving.slipway.dev/v1alpha1", "true", "ModelDeployment"]
    assert listed[-1] == "all,slipway"


def test_columns(kubectl: Kubectl) -> None:
    create(kubectl, "shown", {})
    answer = kubectl(
        "patch", "md", "shown", "--subresource=status", "--type=merge", "-p", json.dumps({"status": STATUS})
    )
    assert answer.returncode == 0, answer.stderr

    header, row = kubectl("get", "md", "shown").stdout.splitlines()
    wide_header, wide_row = kubectl("get", "md", "shown", "-o", "wide").stdout.splitlines()

    assert header.split() == ["NAME", "READY", "REASON", "VARIANT", "SPEEDUP", "DROP", "REPLICAS", "AGE"]
    assert row.split()[:-1] == ["shown", "True", "Serving", "DynamicINT8", "1.9", "0.004", "1"]
    assert wide_header.split()[-3:] == ["URL", "PROVIDER", "AGE"]
    assert wide_row.split()[-3:-1] == [STATUS["url"], STATUS["executionProvider"]]


def test_the_status_is_kept_as_it_was_written(kubectl: Kubectl) -> None:
    create(kubectl, "written", {})
    kubectl("patch", "md", "written", "--subresource=status", "--type=merge", "-p", json.dumps({"status": STATUS}))

    assert json.loads(kubectl("get", "md", "written", "-o", "json").stdout)["status"] == STATUS


def test_kubectl_scale_sets_a_fixed_number_of_replicas(kubectl: Kubectl, namespace: str) -> None:
    create(kubectl, "fixed", {})

    answer = kubectl("scale", "md/fixed", "--replicas=3")

    assert answer.returncode == 0, answer.stderr
    path = f"/apis/serving.slipway.dev/v1alpha1/namespaces/{namespace}/modeldeployments/fixed/scale"
    assert json.loads(kubectl("get", "--raw", path).stdout)["spec"] == {"replicas": 3}


def test_the_scale_subresource_shows_replicas_and_selector(kubectl: Kubectl, namespace: str) -> None:
    create(kubectl, "scaled", {})
    kubectl("patch", "md", "scaled", "--subresource=status", "--type=merge", "-p", json.dumps({"status": STATUS}))

    path = f"/apis/serving.slipway.dev/v1alpha1/namespaces/{namespace}/modeldeployments/scaled/scale"
    assert json.loads(kubectl("get", "--raw", path).stdout)["status"] == {
        "replicas": 1,
        "selector": STATUS["selector"],
    }


def test_kubectl_scale_is_refused_where_the_autoscaler_decides(kubectl: Kubectl) -> None:
    create(kubectl, "autoscaled", {"spec": {"scale": {"maxReplicas": 5}}})

    answer = kubectl("scale", "md/autoscaled", "--replicas=3")

    assert answer.returncode != 0
    assert (
        "the autoscaler decides between minReplicas and maxReplicas: remove maxReplicas to set replicas yourself"
        in answer.stderr
    )
