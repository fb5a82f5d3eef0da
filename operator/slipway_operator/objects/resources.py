"""Resource requests and limits: the user's, with small requests where the user names none."""

import re
from collections.abc import Mapping
from decimal import ROUND_CEILING, Decimal
from typing import Any

from slipway_operator.api.v1alpha1 import Resources

JOB_REQUESTS = {"cpu": "500m", "memory": "1Gi"}
RESOLVE_REQUESTS = {"cpu": "50m", "memory": "128Mi"}
# Scaling on CPU divides by the request, so that there has to be one; small, so that several replicas fit anywhere.
SERVER_REQUESTS = {"cpu": "100m", "memory": "256Mi"}

# https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
_QUANTITY = re.compile(r"(?P<number>\+?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,2})?)(?P<unit>[numkMGTPE]?|[KMGTPE]i)")
_UNITS = {unit: Decimal(1000) ** power for power, unit in enumerate("num", start=-3)}
_UNITS |= {unit: Decimal(1000) ** power for power, unit in enumerate(["", *"kMGTPE"])}
_UNITS |= {f"{unit}i": Decimal(1024) ** power for power, unit in enumerate("KMGTPE", start=1)}


def build_resources(resources: Resources, default_requests: Mapping[str, str]) -> dict[str, Any]:
    """A container's `resources`. A limit without a request is a request of the same size to Kubernetes."""
    requests = _quantities(resources.requests)
    limits = _quantities(resources.limits)
    defaults = {key: value for key, value in default_requests.items() if key not in limits}
    built: dict[str, Any] = {}
    if merged := defaults | requests:
        built["requests"] = merged
    if limits:
        built["limits"] = limits
    return built


def _quantities(values: Mapping[str, int | str] | None) -> dict[str, str]:
    return {key: str(value) for key, value in (values or {}).items()}


def count_cpus(quantity: int | str | None) -> Decimal | None:
    """CPUs of a quantity such as `1500m`; None where it is none."""
    match = _QUANTITY.fullmatch(str(quantity))
    return None if match is None else Decimal(match["number"]) * _UNITS[match["unit"]]


def whole_cpus(quantity: int | str | None) -> int:
    """Threads that a CPU quantity feeds, rounded up; 0 where the runtime has to find out itself."""
    cpus = count_cpus(quantity)
    return 0 if cpus is None else int(cpus.to_integral_value(rounding=ROUND_CEILING))
