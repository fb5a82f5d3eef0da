"""Every folder in `cases/` is a story: what is there (given.yaml), and what the core makes of it (expect.yaml)."""

import json
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from support.pod_security import violations
from support.stories import assert_contains, find_child, read_story, story_names

from slipway_operator.api.v1alpha1 import Condition, ModelDeploymentStatus
from slipway_operator.conditions import Reason
from slipway_operator.reconcile import reconcile

pytestmark = pytest.mark.parametrize("name", story_names())


def test_story(name):
    story = read_story(name)
    outcome = reconcile(story.observed)
    expect = story.expect

    conditions = {condition["type"]: condition for condition in outcome.status["conditions"]}
    assert_contains(conditions, expect.get("conditions", {}), "conditions")
    for key, part in expect.get("children", {}).items():
        child = find_child(outcome, key)
        assert child is not None, f"{key} is missing"
        assert_contains(child, part, key)
    for key in expect.get("absent", ()):
        assert find_child(outcome, key) is None, f"{key} should not exist"
    events = [vars(event) for event in outcome.events]
    assert_contains(events, expect.get("events", []), "events")
    assert_contains(outcome.status, expect.get("status", {}), "status")
    made = json.dumps([child for child in outcome.children if child["kind"] in ("Job", "ConfigMap")])
    for word in expect.get("notInJob", ()):
        assert f'"{word}"' not in made, word
    if "nextPassAt" in expect:
        assert outcome.next_pass_at == expect["nextPassAt"]
    if "historyLength" in expect:
        assert len(outcome.status["artifactHistory"]) == expect["historyLength"]


def _a_second_after(now: str) -> str:
    return (datetime.fromisoformat(now) + timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_a_second_pass_changes_nothing(name):
    observed = read_story(name).observed
    outcome = reconcile(observed)
    status = ModelDeploymentStatus.model_validate(outcome.status)
    parent = observed.parent.model_copy(update={"status": status})
    again = reconcile(replace(observed, parent=parent, now=_a_second_after(observed.now)))
    assert again.status == outcome.status
    assert again.events == ()
    assert again.children == outcome.children


def test_children_are_complete(name):
    observed = read_story(name).observed
    children = reconcile(observed).children
    keys = [(child["kind"], child["metadata"]["name"]) for child in children]
    assert len(keys) == len(set(keys))
    for child in children:
        metadata = child["metadata"]
        assert child["apiVersion"]
        assert len(metadata["name"]) <= 63
        assert metadata["namespace"] == observed.namespace
        assert metadata["labels"]["serving.slipway.dev/model-deployment"] == observed.name
        assert metadata["ownerReferences"][0]["uid"] == observed.parent.metadata["uid"]


def test_children_pass_the_restricted_pod_security_standard(name):
    for child in reconcile(read_story(name).observed).children:
        if "template" in child.get("spec", {}):
            assert violations(child["spec"]["template"]["spec"]) == []


def test_conditions_are_complete(name):
    conditions = [Condition.model_validate(item) for item in reconcile(read_story(name).observed).status["conditions"]]
    assert [condition.type for condition in conditions] == ["Optimized", "Available", "Scaling", "Ready"]
    for condition in conditions:
        assert condition.message
        assert len(condition.message) <= 1500
        assert condition.last_transition_time


def test_ready_means_that_every_stage_is_settled(name):
    conditions = {item["type"]: item for item in reconcile(read_story(name).observed).status["conditions"]}
    ready = conditions.pop("Ready")
    if ready["status"] == "True":
        assert ready["reason"] == Reason.READY
        assert {condition["status"] for condition in conditions.values()} == {"True"}
    else:
        assert ready["reason"] in {condition["reason"] for condition in conditions.values()}
