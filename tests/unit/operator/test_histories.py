"""What a pass leads to in the next ones: the core as it is driven, pass by pass."""

import json
from dataclasses import replace

import pytest
import yaml
from support.histories import History
from support.stories import CASES, read_story

from slipway_operator.objects.names import RECIPE_DIGEST

SERVE_KINDS = ["Deployment", "PodDisruptionBudget", "Service"]


def succeeded(history: History, digest: str = "4") -> dict:
    result = yaml.safe_load((CASES / "base.yaml").read_text())["result"]
    result["recipeDigest"] = history.job("optimize")["metadata"]["annotations"][RECIPE_DIGEST]
    result["artifactDigest"] = f"sha256:{digest * 64}"
    return ended(0, message=json.dumps(result))


def ended(exit_code: int, **more: str) -> dict:
    terminated = {"exitCode": exit_code, **more}
    phase = "Failed" if exit_code else "Succeeded"
    return {"phase": phase, "containerStatuses": [{"name": "optimize", "state": {"terminated": terminated}}]}


@pytest.fixture
def history():
    return History(read_story("first-apply").observed)


@pytest.fixture
def served(history):
    history.run_pass()
    history.finish_job(succeeded(history), "Complete")
    history.run_pass()
    history.start_pods(ready=True)
    history.run_pass()
    return history


def test_from_apply_to_ready(served):
    assert served.condition("Ready") == ("True", "Ready")
    assert served.kinds() == sorted(["ConfigMap", "Job", "PersistentVolumeClaim", *SERVE_KINDS])
    assert [event.reason for event in served.events] == [
        *("JobPending", "WaitingForArtifact", "Fixed"),
        *("ArtifactReady", "RolloutInProgress"),
        *("Serving", "Ready"),
    ]


def test_an_artifact_that_the_store_lost_is_made_anew(served):
    """By the user, who deletes the Job that had made it; the pods that cannot fetch stay until there is another."""
    (pod,) = served.observed.serving_pods
    fetch = {"name": "fetch", "ready": False, "state": {"terminated": {"exitCode": 1, "message": "no such folder"}}}
    status = {"phase": "Pending", "initContainerStatuses": [fetch]}
    served.observed = replace(served.observed, serving_pods=({**pod, "status": status},))
    served.run_pass()
    assert served.condition("Available") == ("False", "FetchFailed")
    first = served.only("Job")["metadata"]

    del served.children["Job", first["name"]]
    served.run_pass()
    assert served.condition("Ready") == ("False", "JobPending")
    assert served.only("Job")["metadata"]["uid"] != first["uid"]

    served.finish_job(succeeded(served, "5"), "Complete")
    served.run_pass()
    served.start_pods(ready=True)
    served.run_pass()
    assert served.condition("Ready") == ("True", "Ready")
    assert served.observed.parent.status.artifact.digest == f"sha256:{'5' * 64}"


def test_a_new_recipe_is_served_only_once_it_is_made(served):
    deployment = served.only("Deployment")
    served.change_spec({"optimize": {"quantize": {"mode": "None"}}})
    served.run_pass()
    assert served.condition("Available") == ("True", "Serving")
    assert served.condition("Ready") == ("False", "JobPending")
    assert served.only("Deployment")["spec"] == deployment["spec"]

    served.finish_job(succeeded(served, "5"), "Complete")
    served.run_pass()
    assert served.condition("Available") == ("True", "RolloutInProgress")
    served.start_pods(ready=False, keep_old=True)
    served.run_pass()
    assert served.condition("Available") == ("True", "RolloutInProgress")
    served.start_pods(ready=True)
    served.run_pass()
    assert served.condition("Ready") == ("True", "Ready")


def looked(digit: str, at: str) -> dict:
    found = {"result": "Resolved", "sources": [{"field": "model.source", "digest": f"sha256:{digit * 64}"}]}
    terminated = {"exitCode": 0, "finishedAt": at, "message": json.dumps(found)}
    return {
        "phase": "Succeeded",
        "containerStatuses": [{"name": "resolve", "state": {"terminated": terminated}}],
    }


def test_new_bytes_are_followed_look_by_look():
    history = History(read_story("following-an-artifact-of-0.1").observed)
    history.observed = replace(history.observed, deployment=None, serving_pods=())
    history.run_pass()
    history.finish_job(looked("7", "2026-11-24T12:00:00Z"), "Complete", component="resolve")
    history.run_pass()
    assert history.components() == ["optimize", "resolve"]
    history.finish_job(succeeded(history), "Complete")
    history.run_pass()
    assert history.condition("Optimized") == ("True", "ArtifactReady")
    made = history.observed.parent.status.artifact

    history.observed = replace(history.observed, now="2026-11-24T12:10:00Z")
    history.run_pass()
    assert history.components() == ["optimize"], "the last look makes way"
    history.run_pass()
    history.finish_job(looked("7", "2026-11-24T12:10:05Z"), "Complete", component="resolve")
    history.run_pass()
    assert history.observed.parent.status.artifact == made
    assert history.observed.parent.status.last_checked_at == "2026-11-24T12:10:05Z"

    history.observed = replace(history.observed, now="2026-11-24T12:20:05Z")
    history.run_pass()
    history.run_pass()
    history.finish_job(looked("8", "2026-11-24T12:20:09Z"), "Complete", component="resolve")
    history.run_pass()
    assert history.condition("Optimized") == ("False", "JobPending")
    assert history.observed.parent.status.artifact == made, "served until there is another"
    assert [event.reason for event in history.events].count("SourceChanged") == 1


def test_a_revert_needs_no_job(served):
    first = served.only("Deployment")["spec"]["template"]
    served.change_spec({"optimize": {"quantize": {"mode": "None"}}})
    served.run_pass()
    served.finish_job(succeeded(served, "5"), "Complete")
    served.run_pass()
    assert served.only("Deployment")["spec"]["template"] != first
    served.change_spec({"optimize": {"quantize": {"mode": "Auto"}}})
    served.run_pass()
    assert served.condition("Optimized") == ("True", "ArtifactReady")
    assert "Job" not in served.kinds()
    assert served.only("Deployment")["spec"]["template"] == first


def test_more_memory_starts_a_failed_job_again(history):
    history.run_pass()
    history.finish_job(ended(137, reason="OOMKilled"), "Failed")
    history.run_pass()
    assert history.condition("Optimized") == ("False", "OutOfMemory")
    failed = history.only("Job")

    history.change_spec({"optimize": {"resources": {"limits": {"memory": "8Gi"}}}})
    history.run_pass()
    assert "Job" not in history.kinds()
    history.run_pass()
    job = history.only("Job")
    assert job["metadata"]["name"] == failed["metadata"]["name"]
    assert job["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"] == "8Gi"
    assert history.condition("Optimized") == ("False", "JobPending")


def test_a_deleted_failed_job_starts_again(history):
    history.run_pass()
    history.finish_job(ended(75), "Failed")
    history.run_pass()
    del history.children["Job", history.only("Job")["metadata"]["name"]]
    history.run_pass()
    assert history.only("Job")["status"] == {}
    history.run_pass()
    assert history.condition("Optimized") == ("False", "JobPending")


def test_autoscaling_never_loses_capacity(served):
    served.change_spec({"scale": {"replicas": 6}})
    served.run_pass()
    served.change_spec({"scale": {"replicas": 1, "maxReplicas": 10}})
    for _ in range(3):
        served.run_pass()
        assert served.only("Deployment")["spec"]["replicas"] == 6
    served.autoscale(8)
    for _ in range(3):
        served.run_pass()
        assert served.only("Deployment")["spec"]["replicas"] == 8
    served.change_spec({"scale": {"replicas": 2, "maxReplicas": None}})
    served.run_pass()
    assert served.only("Deployment")["spec"]["replicas"] == 2
    assert "HorizontalPodAutoscaler" not in served.kinds()
