"""What an Event object says, and when two of them are the same one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from slipway_operator.events import build_event, next_in_series
from slipway_operator.state import Event

NOW = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
PARENT = {"metadata": {"name": "lite0", "namespace": "models", "uid": "u1"}}
EVENT = Event(type="Warning", reason="JobFailed", message="It failed.", action="Optimize")


def build(event: Event = EVENT, parent: dict[str, Any] = PARENT, now: datetime = NOW) -> dict[str, Any]:
    return build_event(parent, event, instance="pod-1", now=now)


def test_it_regards_the_model_deployment() -> None:
    event = build()

    assert event["regarding"] == {
        "apiVersion": "serving.slipway.dev/v1alpha1",
        "kind": "ModelDeployment",
        "name": "lite0",
        "namespace": "models",
        "uid": "u1",
    }
    assert event["metadata"]["namespace"] == "models"
    assert event["eventTime"] == "2026-01-02T03:04:05.000678Z"
    assert (event["type"], event["reason"], event["action"], event["note"]) == (
        "Warning",
        "JobFailed",
        "Optimize",
        "It failed.",
    )


def test_the_same_news_has_the_same_name_at_any_time() -> None:
    assert build()["metadata"]["name"] == build(now=NOW + timedelta(hours=1))["metadata"]["name"]


def test_other_news_has_another_name() -> None:
    other_parent = {"metadata": {**PARENT["metadata"], "uid": "u2"}}
    names = {
        build()["metadata"]["name"],
        build(replace(EVENT, message="It failed again."))["metadata"]["name"],
        build(replace(EVENT, reason="OutOfMemory"))["metadata"]["name"],
        build(parent=other_parent)["metadata"]["name"],
    }

    assert len(names) == 4
    assert all(name.startswith("lite0.") and len(name) < 64 for name in names)


def test_a_series_counts_on() -> None:
    assert next_in_series(build(), NOW)["series"]["count"] == 2
    assert next_in_series({"series": {"count": 7}}, NOW)["series"]["count"] == 8
