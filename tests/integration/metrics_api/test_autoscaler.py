"""The HPA controller of a real cluster, and what it makes of our numbers."""

import json

import pytest
from support import cluster

pytestmark = pytest.mark.cluster


def test_replicas_follow_the_load(metrics_api, model):
    model.pod.load = 19
    model.become_ready()
    model.autoscale()
    cluster.wait_for(lambda: model.replicas == 5)  # 19 requests, 4 to a replica
    cluster.wait_for(lambda: model.scaling_active[0] == "True")
    model.pod.load = 0
    cluster.wait_for(lambda: model.replicas == 1)


def test_the_metric_as_any_client_reads_it(metrics_api, model):
    model.pod.load = 3
    model.become_ready()
    cluster.wait_for(lambda: model.read_metric()[0])
    (item,) = json.loads(model.read_metric()[1])["items"]
    assert item["value"] == "3"
    assert (item["describedObject"]["namespace"], item["describedObject"]["name"]) == (model.namespace, "lite0")
    assert [it["value"] for it in json.loads(model.read_metric("*")[1])["items"]] == ["3"]


def test_replicas_are_held_while_the_load_is_unknown(metrics_api, model):
    model.pod.load = 19
    model.become_ready()
    model.autoscale()
    cluster.wait_for(lambda: model.replicas == 5)
    model.pod.load = None
    why = "none of its 1 ready pods answers"
    cluster.wait_for(lambda: model.scaling_active[0] == "False" and why in model.scaling_active[1])
    assert model.replicas == 5


def test_errors_reach_the_client_as_sentences(metrics_api, model):
    known, message = model.read_metric()
    assert not known
    assert "it has no ready pod" in message
    known, message = model.read_metric("nobody")
    assert not known
    assert f'"nobody" not found in the namespace {model.namespace}' in message
