"""Whose custom.metrics.k8s.io is, in a real cluster."""

import json
import ssl
import urllib.error
import urllib.request
from base64 import b64decode

import pytest
from support import cluster
from support.custom_metrics_group import API_SERVICES, api_service, is_available
from support.metrics_api_process import MetricsApi

pytestmark = pytest.mark.cluster

FOREIGN = {
    "apiVersion": "apiregistration.k8s.io/v1",
    "kind": "APIService",
    "metadata": {"name": "v1beta1.custom.metrics.k8s.io"},
    "spec": {
        "group": "custom.metrics.k8s.io",
        "version": "v1beta1",
        "groupPriorityMinimum": 100,
        "versionPriority": 100,
        "insecureSkipTLSVerify": True,
        "service": {"namespace": "default", "name": "adapter-of-somebody"},
    },
}


def test_a_deleted_registration_comes_back(metrics_api):
    uid = api_service()["metadata"]["uid"]
    cluster.kubectl("delete", API_SERVICES, "v1beta2.custom.metrics.k8s.io")
    cluster.wait_for(is_available)
    assert api_service()["metadata"]["uid"] != uid


def test_another_server_of_the_group_is_left_alone(metrics_api):
    try:
        cluster.kubectl("apply", "-f", "-", stdin=json.dumps(FOREIGN))
        cluster.wait_for(lambda: api_service() is None)
        why = "custom.metrics.k8s.io is served by default/adapter-of-somebody"
        cluster.wait_for(lambda: why in metrics_api.get("/readyz")[1])
        assert metrics_api.get("/readyz")[0] == 200
        theirs = cluster.kubectl("get", API_SERVICES, FOREIGN["metadata"]["name"], "-o", "json")
        assert json.loads(theirs)["spec"]["service"]["name"] == "adapter-of-somebody"
    finally:
        cluster.kubectl("delete", API_SERVICES, FOREIGN["metadata"]["name"])
    cluster.wait_for(is_available)
    cluster.wait_for(lambda: metrics_api.get("/readyz") == (200, "ok\n"))


def test_an_object_of_ours_that_somebody_takes_over_is_theirs(metrics_api):
    """With kubectl apply, as installing an adapter does."""
    theirs = FOREIGN | {"metadata": {"name": "v1beta2.custom.metrics.k8s.io"}}
    theirs["spec"] = FOREIGN["spec"] | {"version": "v1beta2", "caBundle": None}
    try:
        cluster.kubectl("replace", "-f", "-", stdin=json.dumps(theirs))
        cluster.wait_for(lambda: "adapter-of-somebody" in metrics_api.get("/readyz")[1])
        cluster.wait_for(lambda: "ownerReferences" not in api_service()["metadata"])
        assert api_service()["spec"]["service"]["name"] == "adapter-of-somebody"
    finally:
        cluster.kubectl("delete", API_SERVICES, "v1beta2.custom.metrics.k8s.io")
    cluster.wait_for(is_available)


def test_who_comes_past_the_api_server_is_refused(metrics_api):
    bundle = b64decode(api_service()["spec"]["caBundle"]).decode()
    context = ssl.create_default_context(cadata=bundle)
    context.check_hostname = False
    url = f"https://127.0.0.1:{metrics_api.https_port}/apis/custom.metrics.k8s.io/v1beta2"
    spoofed = urllib.request.Request(url, headers={"X-Remote-User": "admin", "X-Remote-Group": "system:masters"})
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(spoofed, context=context, timeout=60)  # noqa: S310
    assert caught.value.code == 401
    with caught.value as answer:
        assert "aggregation layer" in json.load(answer)["message"]


def test_a_user_without_rights_is_refused(metrics_api, model):
    path = f"/apis/custom.metrics.k8s.io/v1beta2/namespaces/{model.namespace}/modeldeployments.serving.slipway.dev"
    with pytest.raises(RuntimeError, match=r"(?i)forbidden"):
        cluster.kubectl("get", "--raw", f"{path}/lite0/inflight_requests", "--as=jane")


def test_two_replicas_share_one_certificate(metrics_api, installation):
    other = MetricsApi(installation)
    try:
        other.wait_until_ready()
        ports = (metrics_api.https_port, other.https_port)
        assert len({ssl.get_server_certificate(("127.0.0.1", port)) for port in ports}) == 1
    finally:
        assert other.stop() == 0


def test_the_api_server_finds_nothing_to_complain_about(metrics_api):
    """Discovery and OpenAPI of the whole cluster stay whole with our group in them."""
    assert "modeldeployments.serving.slipway.dev/inflight_requests" in cluster.kubectl(
        "get", "--raw", "/apis/custom.metrics.k8s.io/v1beta2"
    )
    assert cluster.kubectl("api-resources", "-o", "name")  # fails where discovery of any group does
    for path in ("/openapi/v2", "/openapi/v3"):
        assert cluster.kubectl("get", "--raw", path)
