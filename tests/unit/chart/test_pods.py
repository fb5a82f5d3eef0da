"""Pods of the chart: restricted, with every image from the values, and with arguments that their programs take."""

import pytest
from support.chart import render

from slipway_operator.metrics_api.__main__ import parse_arguments
from slipway_operator.options import parse_options

OPERATOR_IMAGE = "registry.example/operator@sha256:0"


def deployments(*values):
    return {it["metadata"]["name"]: it for it in render(*values) if it["kind"] == "Deployment"}


def pod(deployment):
    return deployment["spec"]["template"]["spec"]


@pytest.mark.parametrize("name", ["slipway-operator", "slipway-metrics-api"])
def test_pods_pass_the_restricted_standard(name):
    spec = pod(deployments()[name])
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] > 0
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys()
    assert all("hostPath" not in volume for volume in spec["volumes"])
    for container in spec["containers"]:
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False
        assert context["readOnlyRootFilesystem"] is True
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert all("hostPort" not in port for port in container["ports"])


def test_every_image_comes_from_the_values():
    for deployment in deployments(f"images.operator={OPERATOR_IMAGE}").values():
        assert [it["image"] for it in pod(deployment)["containers"]] == [OPERATOR_IMAGE]
        assert "initContainers" not in pod(deployment)


@pytest.mark.parametrize("name", ["slipway-operator", "slipway-metrics-api"])
def test_replicas_are_spread_probed_limited_and_kept_through_drains(name):
    deployment = deployments()[name]
    assert deployment["spec"]["replicas"] == 2
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    selector = deployment["spec"]["selector"]["matchLabels"]
    assert selector.items() <= labels.items()
    (term,) = pod(deployment)["affinity"]["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    assert term["podAffinityTerm"]["labelSelector"]["matchLabels"] == selector
    (container,) = pod(deployment)["containers"]
    assert container["resources"]["requests"].keys() == {"cpu", "memory"}
    assert "memory" in container["resources"]["limits"]
    assert container["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "probes"}
    assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "probes"}
    (budget,) = (it for it in render() if it["kind"] == "PodDisruptionBudget" and it["metadata"]["name"] == name)
    assert budget["spec"] == {"maxUnavailable": 1, "selector": {"matchLabels": selector}}


def test_selectors_of_the_two_do_not_overlap():
    one, other = (it["spec"]["selector"]["matchLabels"] for it in deployments().values())
    assert any(other.get(key) not in (None, value) for key, value in one.items())


def test_the_operator_takes_its_arguments():
    (container,) = pod(deployments('watchNamespaces=["a"]')["slipway-operator"])["containers"]
    options = parse_options(container["args"], {})
    assert container["command"] == ["python", "-m", "slipway_operator"]
    assert options.namespaces == ("a",)
    assert options.lease_namespace == "slipway-system"
    probes = next(port for port in container["ports"] if port["name"] == "probes")
    assert options.http_port == probes["containerPort"]


def test_the_metrics_api_takes_its_arguments_and_they_name_what_the_chart_makes():
    (container,) = pod(deployments('watchNamespaces=["a"]')["slipway-metrics-api"])["containers"]
    options = parse_arguments(container["args"])
    names = {(it["kind"], it["metadata"]["name"]) for it in render()}
    assert container["command"] == ["python", "-m", "slipway_operator.metrics_api"]
    assert options.namespace == ["a"]
    assert ("Service", options.service_name) in names
    assert ("Secret", options.tls_secret) in names
    assert ("ClusterRole", options.owner_cluster_role) in names
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"https": options.https_port, "probes": options.http_port}


def test_pull_secrets_reach_the_pods():
    for deployment in deployments('imagePullSecrets=["registry"]').values():
        assert pod(deployment)["imagePullSecrets"] == [{"name": "registry"}]


def test_placement_reaches_the_pods():
    value = 'operator={"nodeSelector":{"pool":"infra"},"tolerations":[{"key":"infra","operator":"Exists"}]}'
    spec = pod(deployments(value)["slipway-operator"])
    assert spec["nodeSelector"] == {"pool": "infra"}
    assert spec["tolerations"] == [{"key": "infra", "operator": "Exists"}]
