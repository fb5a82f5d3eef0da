"""What the API server says that each account may do: the chart's rights, and what everybody has."""

import pytest
from support import cluster

from slipway_operator.kinds import CLUSTER_PERMISSIONS, LEASE_PERMISSIONS, NAMESPACE_PERMISSIONS

pytestmark = pytest.mark.cluster


def rights_of(account, release, namespace):
    """Resource (with its group), name if it is limited to one, and verb: more than what every account has."""
    own = _can_i(f"{release.namespace}:{release.name}-{account}", namespace)
    return own - _can_i(f"{release.namespace}:default", namespace)


def _can_i(account, namespace):
    user = f"--as=system:serviceaccount:{account}"
    text = cluster.kubectl("auth", "can-i", "--list", "--no-headers", user, "-n", namespace)
    rights = set()
    for line in text.splitlines():
        before, *brackets = line.split("[")
        urls, names, verbs = (it.split("]")[0].split() for it in brackets)
        subject = before.strip() or " ".join(urls)
        rights |= {(subject, name, verb) for verb in verbs for name in names or [""]}
    return rights


def listed(permissions):
    return {(_printed(it), name, verb) for it in permissions for verb in it.verbs for name in it.names or ("",)}


def _printed(permission):
    """As kubectl has it: `modeldeployments.serving.slipway.dev/status`."""
    resource, slash, subresource = permission.resource.partition("/")
    return resource + (f".{permission.group}" if permission.group else "") + slash + subresource


def test_the_operator_where_models_are(installed):
    expected = listed(NAMESPACE_PERMISSIONS) | listed(CLUSTER_PERMISSIONS)
    assert rights_of("operator", installed, installed.models) == expected


def test_the_metrics_api_where_models_are(installed):
    owner = f"{installed.namespace}:{installed.name}:metrics-api-registration"
    ours, other = "v1beta2.custom.metrics.k8s.io", "v1beta1.custom.metrics.k8s.io"
    apiservices = "apiservices.apiregistration.k8s.io"
    assert rights_of("metrics-api", installed, installed.models) == {
        ("pods", "", "list"),
        ("pods", "", "watch"),
        ("modeldeployments.serving.slipway.dev", "", "get"),
        ("modeldeployments.serving.slipway.dev", "", "list"),
        *((apiservices, ours, verb) for verb in ("get", "create", "patch", "delete")),
        (apiservices, other, "get"),
        ("clusterroles.rbac.authorization.k8s.io", owner, "get"),
        ("subjectaccessreviews.authorization.k8s.io", "", "create"),
    }


def test_in_their_own_namespace(installed):
    operator = rights_of("operator", installed, installed.namespace)
    assert operator == listed(LEASE_PERMISSIONS) | listed(CLUSTER_PERMISSIONS)
    metrics_api = rights_of("metrics-api", installed, installed.namespace)
    secrets = {right for right in metrics_api if right[0] == "secrets"}
    assert secrets == {("secrets", f"{installed.name}-metrics-api-tls", verb) for verb in ("get", "update")}
    assert not {right for right in metrics_api if right[0] in ("pods", "modeldeployments.serving.slipway.dev")}


@pytest.mark.parametrize("account", ["operator", "metrics-api"])
def test_where_no_models_are_served(installed, account):
    unlimited = {subject for subject, name, _ in rights_of(account, installed, "kube-public") if not name}
    assert unlimited == ({"subjectaccessreviews.authorization.k8s.io"} if account == "metrics-api" else set())
