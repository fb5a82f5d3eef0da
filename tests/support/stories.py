"""Stories of the operator's core: a `given.yaml` becomes an Observed, an `expect.yaml` is compared with the Outcome.

A given says only what differs from `cases/base.yaml`. The Job, its ConfigMap and the Deployment are as the core builds
them, with what the story says laid over them.
"""

import copy
import json
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from support.merge_patch import merge_patch

from slipway_operator.api.v1alpha1 import ModelDeployment
from slipway_operator.objects.job import build_config_map, build_job
from slipway_operator.objects.names import ARTIFACT_DIGEST, TEMPLATE_DIGEST
from slipway_operator.plan import plan_artifact, recipe_of
from slipway_operator.reconcile import reconcile
from slipway_operator.state import Observed, Outcome, Plan, ServingReport, Settings

CASES = Path(__file__).parents[1] / "unit" / "operator" / "cases"
ABSENT = "<absent>"
JOB_UID = "0b000000-0000-4000-8000-000000000001"


@dataclass(frozen=True)
class Story:
    observed: Observed
    expect: dict[str, Any]


def story_names() -> list[str]:
    return sorted(path.parent.name for path in CASES.glob("*/given.yaml"))


@cache
def read_story(name: str) -> Story:
    base = yaml.safe_load((CASES / "base.yaml").read_text())
    given = yaml.safe_load((CASES / name / "given.yaml").read_text()) or {}
    expect = yaml.safe_load((CASES / name / "expect.yaml").read_text())
    return Story(_observed(base, given), expect)


def _observed(base: dict[str, Any], given: dict[str, Any]) -> Observed:
    parent = _parent(base, given.get("modelDeployment", {}))
    settings = Settings(**merge_patch(base["settings"], given.get("settings", {})))
    bare = Observed(parent=parent, settings=settings, now=given.get("now", base["now"]))
    report = given.get("servingReport")
    return replace(
        bare,
        jobs=_jobs(bare, given),
        config_maps=_config_maps(bare, given),
        job_pods=tuple(_job_pod(base, bare, pod) for pod in given.get("jobPods", ())),
        job_log_tails=given.get("logs", {}),
        claim=given.get("claim"),
        deployment=_deployment(bare, given.get("deployment")),
        serving_pods=tuple(_serving_pod(bare, pod) for pod in given.get("servingPods", ())),
        replica_sets=tuple(given.get("replicaSets", ())),
        hpa=given.get("hpa"),
        serving_report=ServingReport(**report) if report else None,
        custom_metrics_owner=given.get("customMetricsOwner"),
        custom_metrics_ours=given.get("customMetricsOurs", False),
    )


def _parent(base: dict[str, Any], given: dict[str, Any]) -> ModelDeployment:
    """`madeBy` in an artifact stands for: the artifact of this very spec, made by that optimizer image."""
    merged = merge_patch(base["modelDeployment"], given)
    status = merged.pop("status", {})
    parent = ModelDeployment.model_validate(merged)
    for artifact in [status.get("artifact"), *status.get("artifactHistory", ())]:
        if artifact is not None:
            artifact.update(merge_patch(base["artifact"], dict(artifact)))
            if made_by := artifact.pop("madeBy", None):
                artifact.update(optimizerImage=made_by, recipeDigest=recipe_of(parent, made_by))
    return ModelDeployment.model_validate(merged | {"status": status})


def _plan(bare: Observed, made_by: str | None) -> Plan:
    plan = plan_artifact(bare)
    if made_by is None:
        return plan
    return replace(plan, optimizer_image=made_by, recipe_digest=recipe_of(bare.parent, made_by))


def _jobs(bare: Observed, given: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    over = given.get("job")
    if over is None:
        return ()
    over = dict(over)
    job = build_job(bare.parent, bare.settings, _plan(bare, over.pop("madeBy", None)))
    return (merge_patch(merge_patch(job, {"metadata": {"uid": JOB_UID}}), over),)


def _config_maps(bare: Observed, given: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    if given.get("job") is None and given.get("configMap") is None:
        return ()
    made_by = (given.get("job") or {}).get("madeBy")
    return (merge_patch(build_config_map(bare.parent, _plan(bare, made_by)), given.get("configMap", {})),)


def _job_pod(base: dict[str, Any], bare: Observed, pod: dict[str, Any]) -> dict[str, Any]:
    """`owner` is the Job's uid where it is another Job's; `result` becomes the termination message."""
    built: dict[str, Any] = {
        "metadata": {
            "name": pod["name"],
            "namespace": bare.namespace,
            "creationTimestamp": pod.get("created", bare.now),
            "ownerReferences": [{"kind": "Job", "uid": pod.get("owner", JOB_UID), "controller": True}],
        },
        "spec": build_job(bare.parent, bare.settings, plan_artifact(bare))["spec"]["template"]["spec"],
        "status": pod.get("status", {}),
    }
    if "result" in pod:
        terminated = {"exitCode": pod["exitCode"], "reason": "Completed" if pod["exitCode"] == 0 else "Error"}
        terminated["message"] = _termination_message(base, bare, pod["result"])
        built["status"] = {
            "phase": "Succeeded" if pod["exitCode"] == 0 else "Failed",
            "containerStatuses": [{"name": "optimize", "state": {"terminated": terminated}}],
        }
    return built


def _termination_message(base: dict[str, Any], bare: Observed, result: Any) -> str:
    if not isinstance(result, dict):
        return str(result)
    if result.get("result") == "Failed":
        return json.dumps(result)
    return json.dumps(merge_patch(base["result"] | {"recipeDigest": plan_artifact(bare).recipe_digest}, result))


def _wanted_deployment(bare: Observed) -> dict[str, Any]:
    return next(dict(child) for child in reconcile(bare).children if child["kind"] == "Deployment")


def _deployment(bare: Observed, over: dict[str, Any] | None) -> dict[str, Any] | None:
    if over is None:
        return None
    return merge_patch(_wanted_deployment(bare), over)


def _serving_pod(bare: Observed, pod: dict[str, Any]) -> dict[str, Any]:
    """A pod of the wanted template, or of an earlier one where it is `old`."""
    template = _wanted_deployment(bare)["spec"]["template"]
    annotations = dict(template["metadata"]["annotations"])
    if pod.get("old"):
        annotations |= {TEMPLATE_DIGEST: "sha256:earlier", ARTIFACT_DIGEST: pod.get("artifact", "sha256:earlier")}
    metadata = {"name": pod["name"], "namespace": bare.namespace, "annotations": annotations, **pod.get("metadata", {})}
    spec = copy.deepcopy(template["spec"])
    if pod.get("old"):
        spec.pop("nodeSelector", None)
    if "gpus" in pod:
        spec["containers"][0]["resources"]["limits"] = {"nvidia.com/gpu": pod["gpus"]}
    ready = {"conditions": [{"type": "Ready", "status": "True"}], "phase": "Running"}
    return {"metadata": metadata, "spec": spec, "status": ready if pod.get("ready") else pod["status"]}


def find_child(outcome: Outcome, key: str) -> dict[str, Any] | None:
    """The child named KIND/NAME, where NAME may be a pattern."""
    kind, name = key.split("/")
    found = [
        dict(child)
        for child in outcome.children
        if child["kind"] == kind and fnmatchcase(child["metadata"]["name"], name)
    ]
    return found[0] if found else None


def assert_contains(actual: Any, expected: Any, path: str = "") -> None:
    """`expected` is a part of `actual`: maps by key, lists as sets of parts, text by equality or as `~ part`."""
    if isinstance(expected, dict):
        assert isinstance(actual, dict), f"{path}: {actual!r} is no map"
        for key, value in expected.items():
            if value == ABSENT:
                assert key not in actual, f"{path}.{key} is {actual[key]!r}"
            else:
                assert key in actual, f"{path}.{key} is missing in {sorted(actual)}"
                assert_contains(actual[key], value, f"{path}.{key}")
    elif isinstance(expected, list):
        assert isinstance(actual, list), f"{path}: {actual!r} is no list"
        for item in expected:
            assert any(_contains(candidate, item) for candidate in actual), f"{path}: {item!r} is not in {actual!r}"
    elif isinstance(expected, str) and expected.startswith("~ "):
        assert expected[2:] in str(actual), f"{path}: {expected[2:]!r} is not in {actual!r}"
    else:
        assert actual == expected, f"{path}: {actual!r} is not {expected!r}"


def _contains(actual: Any, expected: Any) -> bool:
    try:
        assert_contains(actual, expected)
    except AssertionError:
        return False
    return True
