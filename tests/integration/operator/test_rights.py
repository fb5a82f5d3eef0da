"""The rights that kinds.py lists are enough for all that the operator does in a namespace, and are all that it has."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import cluster
from support.known_artifact import create, create_optimized, get
from support.operator_process import operator

from slipway_operator.kinds import LEASE_PERMISSIONS, NAMESPACE_PERMISSIONS

pytestmark = pytest.mark.cluster

SIDECAR = {"spec": {"template": {"spec": {"containers": [{"name": "sidecar", "image": "sidecar.test:1"}]}}}}


def apply(document: dict[str, Any]) -> None:
    cluster.kubectl("apply", "-f", "-", stdin=json.dumps(document))


def restricted_kubeconfig(namespace: str, folder: Path) -> Path:
    """Of a service account with a Role of exactly these rules."""
    meta = {"name": "operator", "namespace": namespace}
    rbac = "rbac.authorization.k8s.io"
    rules = [
        {"apiGroups": [it.group], "resources": [it.resource], "verbs": list(it.verbs)}
        for it in (*NAMESPACE_PERMISSIONS, *LEASE_PERMISSIONS)
    ]
    subject = {"kind": "ServiceAccount", **meta}
    apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta})
    apply({"apiVersion": f"{rbac}/v1", "kind": "Role", "metadata": meta, "rules": rules})
    role = {"apiGroup": rbac, "kind": "Role", "name": "operator"}
    apply({"apiVersion": f"{rbac}/v1", "kind": "RoleBinding", "metadata": meta, "roleRef": role, "subjects": [subject]})
    config = yaml.safe_load(cluster.kubectl("config", "view", "--minify", "--raw"))
    token = cluster.kubectl("create", "token", "operator", "-n", namespace).strip()
    config["users"] = [{"name": config["contexts"][0]["context"]["user"], "user": {"token": token}}]
    path = folder / "restricted-kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return path


def test_the_rights_are_enough(namespace: str, tmp_path: Path) -> None:
    create_optimized(namespace, "served", {"spec": {"scale": {"maxReplicas": 3}}})
    create(namespace, "fresh")
    with operator(namespace, tmp_path, kubeconfig=restricted_kubeconfig(namespace, tmp_path)) as running:
        cluster.wait_for(lambda: get("horizontalpodautoscaler", "served", namespace), message="nothing made")
        cluster.wait_for(lambda: "status" in get("modeldeployment", "fresh", namespace), message="no status")

        cluster.kubectl("patch", "deployment", "served", "-n", namespace, "-p", json.dumps(SIDECAR))
        cluster.wait_for(
            lambda: "sidecar" not in json.dumps(get("deployment", "served", namespace)["spec"]),
            message="the sidecar stayed",
        )
        fixed = json.dumps({"spec": {"scale": {"maxReplicas": None}}})
        cluster.kubectl("patch", "modeldeployment", "served", "-n", namespace, "--type=merge", "-p", fixed)
        cluster.wait_for(
            lambda: not get("horizontalpodautoscaler", "served", namespace), message="the autoscaler stayed"
        )

        refused = re.findall(r'api_errors_total\{code="403",method="(\w+)"\}', running.get("/metrics")[1])
        assert set(refused) <= {"GET"}  # of the APIServices, which are not in a namespace
        assert running.stop() == 0
        assert not [it for it in running.records if "forbidden" in json.dumps(it).lower()]


def test_no_wildcards() -> None:
    for permission in (*NAMESPACE_PERMISSIONS, *LEASE_PERMISSIONS):
        assert "*" not in (permission.group, permission.resource, *permission.verbs)
