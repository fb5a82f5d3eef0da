"""Specs that cannot be read, children that are refused: how the status says so."""

from typing import Any

import pytest
from support.modeldeployments import modeldeployment

from slipway_operator.api.v1alpha1 import Condition
from slipway_operator.faults import Fault, FaultReason, fault_events, status_with_fault
from slipway_operator.parse import InvalidSpecError, parse_model_deployment

NOW = "2026-01-02T00:00:00Z"
EARLIER = "2026-01-01T00:00:00Z"
FAULT = Fault(FaultReason.CHILD_REFUSED, "the API server refused Deployment x: no")


def condition(type_: str, status: str, reason: str) -> dict[str, Any]:
    return {
        "type": type_,
        "status": status,
        "reason": reason,
        "message": "m",
        "observedGeneration": 1,
        "lastTransitionTime": EARLIER,
    }


def conditions(*documents: dict[str, Any]) -> list[Condition]:
    return [Condition.model_validate(document) for document in documents]


def test_ready_turns_false_and_all_else_stays() -> None:
    available = condition("Available", "True", "Serving")
    status = {"url": "http://x", "conditions": [available, condition("Ready", "True", "Ready")]}

    new = status_with_fault(
        status, FAULT, before=conditions(condition("Ready", "True", "Ready")), generation=2, now=NOW
    )

    assert new["url"] == "http://x"
    assert new["observedGeneration"] == 2
    assert new["conditions"][0] == available
    assert new["conditions"][1] == {
        "type": "Ready",
        "status": "False",
        "reason": "ChildRefused",
        "message": FAULT.message,
        "observedGeneration": 2,
        "lastTransitionTime": NOW,
    }


def test_the_second_time_nothing_moves() -> None:
    first = status_with_fault({}, FAULT, before=[], generation=1, now=EARLIER)
    before = conditions(*first["conditions"])

    assert status_with_fault(first, FAULT, before=before, generation=1, now=NOW) == first
    assert len(fault_events(FAULT, [])) == 1
    assert fault_events(FAULT, before) == ()


def test_another_fault_is_news() -> None:
    before = conditions(condition("Ready", "False", "NameTaken"))

    (event,) = fault_events(FAULT, before)
    assert (event.type, event.reason) == ("Warning", "ChildRefused")


def test_a_spec_of_another_version_names_the_field() -> None:
    document = modeldeployment({"spec": {"model": {"format": "Pickle"}}}, name="x", namespace="n")

    with pytest.raises(InvalidSpecError, match=r"spec\.model\.format"):
        parse_model_deployment(document)


def test_a_status_of_another_version_loses_only_what_cannot_be_read() -> None:
    document = modeldeployment({}, name="x", namespace="n")
    document["status"] = {"observedGeneration": 3, "optimization": {"stage": 1}, "unheardOf": 1}

    parsed = parse_model_deployment(document)

    assert parsed.status.observed_generation == 3
    assert parsed.status.optimization is None


def test_an_artifact_of_another_version_stops_the_pass() -> None:
    """To forget it would delete the Deployment that serves it."""
    document = modeldeployment({}, name="x", namespace="n")
    document["status"] = {"artifact": {"digest": "d"}}

    with pytest.raises(InvalidSpecError, match=r"status\.artifact\.recipeDigest"):
        parse_model_deployment(document)
