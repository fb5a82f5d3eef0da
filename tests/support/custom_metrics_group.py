"""custom.metrics.k8s.io of the test cluster: one server has it at a time; an installed Slipway lends it to a test."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from support import cluster

API_SERVICES = "apiservices.apiregistration.k8s.io"
API_SERVICE = "v1beta2.custom.metrics.k8s.io"


def api_service() -> dict[str, Any] | None:
    text = cluster.kubectl("get", API_SERVICES, API_SERVICE, "--ignore-not-found", "-o", "json")
    return json.loads(text) if text.strip() else None


def is_served_from(namespace: str) -> bool:
    found = api_service()
    return found is not None and found["spec"]["service"]["namespace"] == namespace


def is_available() -> bool:
    found = api_service() or {}
    conditions = found.get("status", {}).get("conditions", ())
    return any((it["type"], it["status"]) == ("Available", "True") for it in conditions)


@contextmanager
def free_group() -> Iterator[None]:
    """Nobody serves the group meanwhile; the metrics API that did, if any, is scaled to nothing and back."""
    found = api_service()
    if found is None:
        yield
        return
    service = found["spec"]["service"]
    target = ("-n", service["namespace"], f"deployment/{service['name']}")
    replicas = cluster.kubectl("get", *target, "-o", "jsonpath={.spec.replicas}")
    cluster.kubectl("scale", *target, "--replicas=0")
    try:
        pods = (
            "get",
            "pods",
            "-n",
            service["namespace"],
            "-l",
            "app.kubernetes.io/component=metrics-api",
            "-o",
            "name",
        )
        cluster.wait_for(lambda: not cluster.kubectl(*pods))
        cluster.kubectl("delete", API_SERVICES, API_SERVICE, "--ignore-not-found")
        yield
    finally:
        cluster.kubectl("scale", *target, f"--replicas={replicas}")
