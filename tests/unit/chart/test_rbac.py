"""Rights in the chart: exactly what the operator's code lists, and nothing by wildcard."""

import pytest
from support.chart import NAMESPACE, RELEASE, render

from slipway_operator.kinds import CLUSTER_PERMISSIONS, LEASE_PERMISSIONS, NAMESPACE_PERMISSIONS

ROLES = ("Role", "ClusterRole")
BINDINGS = ("RoleBinding", "ClusterRoleBinding")
NAMED = 'watchNamespaces=["a","b"]'
INSTALLATIONS = [(), (NAMED,), ("metricsApi.enabled=false",), (NAMED, "metricsApi.enabled=false")]


def rights_of(account, namespace, values):
    """Each right of one ServiceAccount: where ("" is the whole cluster), group, resource, names, verb."""
    objects = render(*values)
    roles = {(it["kind"], place(it), it["metadata"]["name"]): it["rules"] for it in objects if it["kind"] in ROLES}
    rights = set()
    for binding in objects:
        if binding["kind"] in BINDINGS and is_for(binding, account, namespace):
            ref = binding["roleRef"]
            where = place(binding)
            if ref["name"] == "extension-apiserver-authentication-reader":
                continue
            for rule in roles[ref["kind"], where if ref["kind"] == "Role" else "", ref["name"]]:
                rights |= {(where, *right) for right in flatten(rule)}
    return rights


def place(item):
    return "" if item["kind"].startswith("Cluster") else item["metadata"].get("namespace", NAMESPACE)


def is_for(binding, account, namespace):
    return any((it["name"], it["namespace"]) == (account, namespace) for it in binding["subjects"])


def flatten(rule):
    names = tuple(rule.get("resourceNames", ()))
    return {
        (group, resource, names, verb)
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def listed(permissions, *places):
    return {
        (where, it.group, it.resource, tuple(it.names), verb)
        for where in places
        for it in permissions
        for verb in it.verbs
    }


@pytest.mark.parametrize("values", INSTALLATIONS)
def test_no_wildcards_no_escalation_and_nothing_outside_of_resources(values):
    for role in (it for it in render(*values) if it["kind"] in ROLES):
        for rule in role["rules"]:
            assert rule.keys() <= {"apiGroups", "resources", "resourceNames", "verbs"}
            assert "*" not in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]
            assert not {"escalate", "bind", "impersonate"} & set(rule["verbs"])


@pytest.mark.parametrize("values", INSTALLATIONS)
def test_no_role_of_the_cluster_is_borrowed_but_the_one_for_the_front_proxy(values):
    objects = render(*values)
    own = {it["metadata"]["name"] for it in objects if it["kind"] in ROLES}
    borrowed = {it["roleRef"]["name"] for it in objects if it["kind"] in BINDINGS} - own
    assert borrowed <= {"extension-apiserver-authentication-reader"}


def test_the_operator_cluster_wide():
    assert rights_of("slipway-operator", NAMESPACE, ()) == (
        listed(NAMESPACE_PERMISSIONS, "") | listed(LEASE_PERMISSIONS, NAMESPACE) | listed(CLUSTER_PERMISSIONS, "")
    )


def test_the_operator_in_named_namespaces():
    assert rights_of("slipway-operator", NAMESPACE, (NAMED,)) == (
        listed(NAMESPACE_PERMISSIONS, "a", "b") | listed(LEASE_PERMISSIONS, NAMESPACE) | listed(CLUSTER_PERMISSIONS, "")
    )


def test_named_namespaces_without_the_metrics_api_need_nothing_cluster_wide():
    objects = render(NAMED, "metricsApi.enabled=false", "crds.install=false")
    assert not [it["kind"] for it in objects if it["kind"].startswith("Cluster")]
    assert not [it for it in objects if it["metadata"].get("namespace") == "kube-system"]


def test_the_operator_reads_no_secret():
    for values in INSTALLATIONS:
        assert not [right for right in rights_of("slipway-operator", NAMESPACE, values) if right[2] == "secrets"]


@pytest.mark.parametrize(("values", "places"), [((), [""]), ((NAMED,), ["a", "b"])])
def test_the_metrics_api(values, places):
    role = f"{NAMESPACE}:{RELEASE}:metrics-api-registration"
    ours, other = ("v1beta2.custom.metrics.k8s.io",), ("v1beta1.custom.metrics.k8s.io",)
    expected = {
        ("", "apiregistration.k8s.io", "apiservices", ours, verb) for verb in ("get", "create", "patch", "delete")
    }
    expected |= {
        ("", "apiregistration.k8s.io", "apiservices", other, "get"),
        ("", "rbac.authorization.k8s.io", "clusterroles", (role,), "get"),
        ("", "authorization.k8s.io", "subjectaccessreviews", (), "create"),
        (NAMESPACE, "", "secrets", ("slipway-metrics-api-tls",), "get"),
        (NAMESPACE, "", "secrets", ("slipway-metrics-api-tls",), "update"),
    }
    for where in places:
        expected |= {(where, "", "pods", (), verb) for verb in ("list", "watch")}
        expected |= {(where, "serving.slipway.dev", "modeldeployments", (), verb) for verb in ("get", "list")}
    assert rights_of("slipway-metrics-api", NAMESPACE, values) == expected


@pytest.mark.parametrize(("values", "places"), [((), [""]), ((NAMED,), ["a", "b"])])
def test_the_autoscaler_may_read_the_metric_and_no_more(values, places):
    resource = "modeldeployments.serving.slipway.dev/inflight_requests"
    assert rights_of("horizontal-pod-autoscaler", "kube-system", values) == {
        (where, "custom.metrics.k8s.io", resource, (), "get") for where in places
    }


def test_users_get_model_deployments_with_the_roles_that_they_have():
    labels = {
        it["metadata"]["name"]: {key for key in it["metadata"]["labels"] if "aggregate-to" in key}
        for it in render()
        if it["metadata"]["name"] in ("slipway-view", "slipway-edit")
    }
    assert labels == {
        "slipway-view": {"rbac.authorization.k8s.io/aggregate-to-view"},
        "slipway-edit": {"rbac.authorization.k8s.io/aggregate-to-edit"},
    }


def test_two_installations_share_no_cluster_scoped_name():
    """`crds.install=false` is for the second one."""
    objects = [it for it in render("crds.install=false") if it["kind"].startswith("Cluster")]
    assert all(it["metadata"]["name"].startswith(f"{NAMESPACE}:{RELEASE}:") for it in objects)


def test_the_crd_stays_when_the_chart_goes():
    (crd,) = (it for it in render() if it["kind"] == "CustomResourceDefinition")
    assert crd["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    assert not [it for it in render("crds.install=false") if it["kind"] == "CustomResourceDefinition"]
