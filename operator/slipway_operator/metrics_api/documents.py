"""The documents of the custom-metrics API as plain values: discovery, metric values, errors."""

import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from slipway_operator.metrics_api.names import (
    GROUP,
    GROUP_VERSION,
    METRIC,
    PARENT_GROUP,
    PARENT_KIND,
    PARENT_VERSION,
    RESOURCE,
    VERSION,
)
from slipway_operator.metrics_api.window import Load

Document = dict[str, Any]

AGGREGATED_DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"

REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    503: "ServiceUnavailable",
}


def format_quantity(value: float) -> str:
    """A Kubernetes quantity in thousandths, rounded up as quantities are: 2.0 is `2`, 2.0004 is `2001m`."""
    thousandths = math.ceil(round(value * 1000, 6))
    return str(thousandths // 1000) if thousandths % 1000 == 0 else f"{thousandths}m"


def format_time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def build_metric_value(namespace: str, name: str, load: Load, now: float) -> Document:
    """One MetricValue; `now` is in seconds of the Unix epoch."""
    return {
        "describedObject": {
            "apiVersion": f"{PARENT_GROUP}/{PARENT_VERSION}",
            "kind": PARENT_KIND,
            "namespace": namespace,
            "name": name,
        },
        "metric": {"name": METRIC},
        "timestamp": format_time(now - load.age),
        "windowSeconds": math.ceil(load.seconds),
        "value": format_quantity(load.average),
    }


def build_metric_value_list(values: Iterable[Document]) -> Document:
    return {"kind": "MetricValueList", "apiVersion": GROUP_VERSION, "metadata": {}, "items": list(values)}


def build_api_group() -> Document:
    version = {"groupVersion": GROUP_VERSION, "version": VERSION}
    return {
        "kind": "APIGroup",
        "apiVersion": "v1",
        "name": GROUP,
        "versions": [version],
        "preferredVersion": version,
    }


def build_api_group_list() -> Document:
    group = {key: value for key, value in build_api_group().items() if key not in ("kind", "apiVersion")}
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [group]}


def build_api_resource_list() -> Document:
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": GROUP_VERSION,
        "resources": [
            {
                "name": f"{RESOURCE}/{METRIC}",
                "singularName": "",
                "namespaced": True,
                "kind": "MetricValueList",
                "verbs": ["get"],
            }
        ],
    }


def build_aggregated_discovery() -> Document:
    """The same as `build_api_resource_list`, as API servers since 1.27 ask each other for it."""
    values = {"group": GROUP, "version": VERSION, "kind": "MetricValueList"}
    resource = {
        "resource": RESOURCE,
        "scope": "Namespaced",
        "singularResource": "",
        "verbs": [],
        "responseKind": {"group": "", "version": "", "kind": ""},
        "subresources": [{"subresource": METRIC, "responseKind": values, "verbs": ["get"]}],
    }
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": [
            {
                "metadata": {"name": GROUP},
                "versions": [{"version": VERSION, "freshness": "Current", "resources": [resource]}],
            }
        ],
    }


def build_openapi() -> Document:
    """An empty OpenAPI 2 document."""
    return {"swagger": "2.0", "info": {"title": "Slipway metrics API", "version": VERSION}, "paths": {}}


def build_status(code: int, message: str, details: Mapping[str, Any] | None = None) -> Document:
    """A failure as kubectl and client-go print it."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": REASONS.get(code, "InternalError"),
        "code": code,
        **({"details": dict(details)} if details else {}),
    }
