"""Resource requests and limits: the user's, with small requests where the user names none."""

import math
import re
from collections.abc import Mapping
from typing import Any

from slipway_operator.api.v1alpha1 import Resources

JOB_REQUESTS = {"cpu": "500m", "memory": "1Gi"}
# Scaling on CPU divides by the request, so that there has to be one; small, so that several replicas fit anywhere.
SERVER_REQUESTS = {"cpu": "100m", "memory": "256Mi"}

_CPUS = re.compile(r"(?P<value>\d+(\.\d+)?)(?P<milli>m?)")


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


def whole_cpus(quantity: int | str | None) -> int:
    """Threads that a CPU quantity such as `1500m` feeds, rounded up; 0 where the runtime has to find out itself."""
    number = _CPUS.fullmatch(str(quantity))
    if number is None:
        return 0
    return math.ceil(float(number["value"]) / (1000 if number["milli"] else 1))
