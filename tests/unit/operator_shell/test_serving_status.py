"""Whom to ask what is served, and what an answer is worth."""

from typing import Any

import pytest

from slipway_operator.serving_status import newest_ready, parse_report, status_url
from slipway_operator.state import ServingReport


def pod(name: str, created: str, ready: str = "True", **meta: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "creationTimestamp": created, **meta},
        "status": {"conditions": [{"type": "Ready", "status": ready}], "podIP": "10.0.0.1"},
    }


def test_the_newest_ready_pod_is_asked() -> None:
    pods = (
        pod("old", "2026-01-01T00:00:00Z"),
        pod("newer", "2026-01-02T00:00:00Z"),
        pod("starting", "2026-01-03T00:00:00Z", ready="False"),
        pod("leaving", "2026-01-04T00:00:00Z", deletionTimestamp="2026-01-04T00:00:01Z"),
        {"metadata": {"name": "pending", "creationTimestamp": "2026-01-05T00:00:00Z"}},
    )

    chosen = newest_ready(pods)

    assert chosen is not None
    assert chosen["metadata"]["name"] == "newer"
    assert newest_ready(()) is None


@pytest.mark.parametrize(
    ("address", "url"),
    [("10.0.0.1", "http://10.0.0.1:8080/v1/status"), ("fd00::1", "http://[fd00::1]:8080/v1/status")],
)
def test_status_url(address: str, url: str) -> None:
    assert status_url({"status": {"podIP": address}}) == url


def test_a_report() -> None:
    body = b'{"artifactDigest": "sha256:1", "executionProvider": "CPUExecutionProvider", "ready": true}'
    assert parse_report(200, body) == ServingReport("sha256:1", "CPUExecutionProvider")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (302, b""),
        (200, b""),
        (200, b"<html>"),
        (200, b"[]"),
        (200, b'{"artifactDigest": "sha256:1"}'),
        (200, b'{"artifactDigest": 1, "executionProvider": "x"}'),
        (200, b'{"artifactDigest": "sha256:1", "executionProvider": "' + b"x" * 300 + b'"}'),
        (200, b'{"artifactDigest": "\\ud800", "executionProvider": "x"}'),
        (200, b"[" * 100_000),
    ],
)
def test_what_is_no_report(status: int, body: bytes) -> None:
    with pytest.raises(ValueError, match=r"^its answer is|^it answered"):
        parse_report(status, body)
