"""custom.metrics.k8s.io of the test cluster: one server has it at a time."""

import json
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
