"""Install, use, upgrade, uninstall; in this order, on one release."""

import json

import pytest
from support import cluster
from support.custom_metrics_group import api_service, is_available

pytestmark = pytest.mark.cluster

ALL_KINDS = (
    "deployments,services,configmaps,secrets,serviceaccounts,roles,rolebindings,poddisruptionbudgets,leases,"
    "clusterroles,clusterrolebindings,pods"
)


def objects_of(release):
    selector = f"app.kubernetes.io/instance={release.name}"
    return cluster.kubectl("get", ALL_KINDS, "--all-namespaces", "-l", selector, "-o", "name").split()


def pods_of(release, component):
    text = cluster.kubectl(
        "-n", release.namespace, "get", "pods", "-l", f"app.kubernetes.io/component={component}", "-o", "json"
    )
    return [pod for pod in json.loads(text)["items"] if not pod["metadata"].get("deletionTimestamp")]


def test_install_runs_in_a_restricted_namespace_and_registers_the_metrics_api(installed):
    assert len(pods_of(installed, "operator")) == 2
    assert len(pods_of(installed, "metrics-api")) == 2
    cluster.wait_for(is_available)
    assert api_service()["spec"]["service"]["namespace"] == installed.namespace


def test_one_operator_leads(installed):
    def holder():
        lease = ("lease", f"{installed.name}-operator", "--ignore-not-found")
        return cluster.kubectl("-n", installed.namespace, "get", *lease, "-o", "jsonpath={.spec.holderIdentity}")

    def is_one_of_them():
        return any(holder().startswith(pod["metadata"]["name"]) for pod in pods_of(installed, "operator"))

    cluster.wait_for(is_one_of_them, message="no operator leads")


def test_upgrade_keeps_the_certificate_that_the_replicas_made(installed):
    secret = ("-n", installed.namespace, "get", "secret", f"{installed.name}-metrics-api-tls", "-o", "jsonpath={.data}")
    before = cluster.kubectl(*secret)
    assert "tls.crt" in before
    installed.upgrade("logLevel=debug")
    assert cluster.kubectl(*secret) == before
    cluster.wait_for(is_available)


def test_upgrade_without_the_metrics_api_takes_its_registration_away(installed):
    installed.upgrade("metricsApi.enabled=false")
    cluster.wait_for(lambda: api_service() is None)
    (operator, *_) = pods_of(installed, "operator")
    assert not any("--metrics-api-service" in it for it in operator["spec"]["containers"][0]["args"])
    installed.upgrade()
    cluster.wait_for(is_available)


def test_uninstall_leaves_nothing(installed):
    assert objects_of(installed)
    installed.helm("uninstall", "--wait")
    cluster.wait_for(lambda: api_service() is None)
    cluster.wait_for(lambda: not objects_of(installed))
    assert cluster.kubectl("get", "crd", "modeldeployments.serving.slipway.dev", "-o", "name")
