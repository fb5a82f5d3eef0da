"""Probes of the server: started once it is alive, ready once the golden request came back right."""

from typing import Any

LIVE = "/v2/health/live"
READY = "/v2/health/ready"
TIMEOUT_SECONDS = 5


def server_probes() -> dict[str, Any]:
    """Ten minutes to start, which a large model on a slow disk may need; then a minute of silence is death."""
    return {
        "startupProbe": _probe(LIVE, period=2, failures=300),
        "readinessProbe": _probe(READY, period=2, failures=3),
        "livenessProbe": _probe(LIVE, period=10, failures=6),
    }


def _probe(path: str, *, period: int, failures: int) -> dict[str, Any]:
    return {
        "httpGet": {"path": path, "port": "http"},
        "periodSeconds": period,
        "timeoutSeconds": TIMEOUT_SECONDS,
        "failureThreshold": failures,
    }
