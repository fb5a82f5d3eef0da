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

from slipway_operator.api.v1alpha1 import ModelDeployment, SourceStatus
from slipway_operator.objects.job import build_config_map, build_job
from slipway_operator.objects.names import ARTIFACT_DIGEST, HARDWARE_CLASS, TEMPLATE_DIGEST, job_name
from slipway_operator.objects.resolve_job import build_resolve_config_map, build_resolve_job
from slipway_operator.plan import plan_artifact
from slipway_operator.recipes import build_first_recipe, build_recipe
from slipway_operator.reconcile import reconcile
from slipway_operator.state import Observed, Outcome, Recipe, ServingReport, Settings

CASES = Path(__file__).parents[1] / "unit" / "operator" / "cases"
ABSENT = "<absent>"
JOB_UID = "0b000000-0000-4000-8000-000000000001"
RESOLVE_JOB_UID = "0b000000-0000-4000-8000-000000000002"


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
    bare = _named(Observed(parent=parent, settings=settings, now=given.get("now", base["now"])))
    report = given.get("servingReport")
    return replace(
        bare,
        jobs=(*_jobs(bare, given), *_resolve_jobs(bare, given)),
        config_maps=_config_maps(bare, given),
        job_pods=tuple(_job_pod(base, bare, given, pod) for pod in given.get("jobPods", ())),
        job_log_tails=given.get("logs", {}),
        claim=given.get("claim"),
        deployment=_deployment(bare, given.get("deployment")),
        serving_pods=tuple(_serving_pod(bare, pod) for pod in given.get("servingPods", ())),
        replica_sets=tuple(_replica_set(bare, item) for item in given.get("replicaSets", ())),
        hpa=given.get("hpa"),
        serving_report=ServingReport(**report) if report else None,
        custom_metrics_owner=given.get("customMetricsOwner"),
        custom_metrics_ours=given.get("customMetricsOurs", False),
    )


def _named(bare: Observed) -> Observed:
    """With the recipe's own name for the Job that the status says to run."""
    running = bare.parent.status.optimization
    if running is None:
        return bare
    name = job_name(bare.name, _recipe(bare).digest)
    optimization = running.model_copy(update={"job_name": running.job_name.replace("lite0-optimize-NAME", name)})
    status = bare.parent.status.model_copy(update={"optimization": optimization})
    return replace(bare, parent=bare.parent.model_copy(update={"status": status}))


def _parent(base: dict[str, Any], given: dict[str, Any]) -> ModelDeployment:
    """`madeBy` in an artifact stands for: the artifact of this very spec, made by that optimizer image.

    Without `sources` it is one of Slipway 0.1.
    """
    merged = merge_patch(base["modelDeployment"], given)
    status = merged.pop("status", {})
    parent = ModelDeployment.model_validate(merged)
    for artifact in [status.get("artifact"), *status.get("artifactHistory", ())]:
        if artifact is not None:
            artifact.update(merge_patch(base["artifact"], dict(artifact)))
            if made_by := artifact.pop("madeBy", None):
                recipe = _recipe_made_by(parent, made_by, artifact.get("sources"))
                artifact.update(optimizerImage=made_by, recipeDigest=recipe.digest)
    return ModelDeployment.model_validate(merged | {"status": status})


def _recipe_made_by(parent: ModelDeployment, image: str, sources: list[dict[str, Any]] | None) -> Recipe:
    if sources is None:
        return build_first_recipe(parent, image)
    return build_recipe(parent, image, [SourceStatus.model_validate(source) for source in sources])


def _recipe(bare: Observed) -> Recipe:
    recipe = plan_artifact(bare).recipe
    assert recipe is not None, "a story with a Job needs sources with a sha256, or status.sources"
    return recipe


def _jobs(bare: Observed, given: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    """`madeBy` is the image of a Job that an operator 0.1 started."""
    over = given.get("job")
    if over is None:
        return ()
    over = dict(over)
    made_by = over.pop("madeBy", None)
    recipe = build_first_recipe(bare.parent, made_by) if made_by else _recipe(bare)
    job = merge_patch(build_job(bare.parent, bare.settings, recipe), {"metadata": {"uid": JOB_UID}})
    if made_by:
        del job["metadata"]["annotations"][HARDWARE_CLASS]
    return (merge_patch(job, over),)


def _resolve_jobs(bare: Observed, given: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    over = given.get("resolveJob")
    if over is None:
        return ()
    job = merge_patch(build_resolve_job(bare.parent, bare.settings), {"metadata": {"uid": RESOLVE_JOB_UID}})
    return (merge_patch(job, over),)


def _config_maps(bare: Observed, given: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    resolving = (build_resolve_config_map(bare.parent),) if given.get("resolveJob") is not None else ()
    if given.get("job") is None and given.get("configMap") is None:
        return resolving
    made_by = (given.get("job") or {}).get("madeBy")
    recipe = build_first_recipe(bare.parent, made_by) if made_by else _recipe(bare)
    return (merge_patch(build_config_map(bare.parent, recipe), given.get("configMap", {})), *resolving)


def _job_pod(base: dict[str, Any], bare: Observed, given: dict[str, Any], pod: dict[str, Any]) -> dict[str, Any]:
    """`owner` is the Job's uid where it is another Job's; `result` becomes the termination message.

    `of: resolve` is a pod of the Job that looks behind URIs.
    """
    resolving = pod.get("of") == "resolve"
    job = build_resolve_job(bare.parent, bare.settings) if resolving else _job_of(bare, given)
    built: dict[str, Any] = {
        "metadata": {
            "name": pod["name"],
            "namespace": bare.namespace,
            "creationTimestamp": pod.get("created", bare.now),
            "ownerReferences": [_owner(pod, RESOLVE_JOB_UID if resolving else JOB_UID)],
        },
        "spec": job["spec"]["template"]["spec"],
        "status": pod.get("status", {}),
    }
    if "result" in pod:
        terminated = {"exitCode": pod["exitCode"], "reason": "Completed" if pod["exitCode"] == 0 else "Error"}
        terminated["message"] = _termination_message(base, bare, pod["result"])
        if "finished" in pod:
            terminated["finishedAt"] = pod["finished"]
        name = built["spec"]["containers"][0]["name"]
        built["status"] = {
            "phase": "Succeeded" if pod["exitCode"] == 0 else "Failed",
            "containerStatuses": [{"name": name, "state": {"terminated": terminated}}],
        }
    return built


def _job_of(bare: Observed, given: dict[str, Any]) -> dict[str, Any]:
    return next(iter(_jobs(bare, given)), None) or build_job(bare.parent, bare.settings, _recipe(bare))


def _owner(pod: dict[str, Any], uid: str) -> dict[str, Any]:
    return {"kind": "Job", "uid": pod.get("owner", uid), "controller": True}


def _termination_message(base: dict[str, Any], bare: Observed, result: Any) -> str:
    if not isinstance(result, dict):
        return str(result)
    if result.get("result") in ("Failed", "Resolved"):
        return json.dumps(result)
    return json.dumps(merge_patch(base["result"] | {"recipeDigest": _recipe(bare).digest}, result))


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
    if "node" in pod:
        spec["nodeName"] = pod["node"]
    return {"metadata": metadata, "spec": spec, "status": ready if pod.get("ready") else pod["status"]}


def _replica_set(bare: Observed, given: dict[str, Any]) -> dict[str, Any]:
    """`template: wanted` or `earlier`: of the Deployment's template, or of one with another digest."""
    which = given.get("template")
    if which is None:
        return given
    template = copy.deepcopy(_wanted_deployment(bare)["spec"]["template"])
    if which == "earlier":
        template["metadata"]["annotations"][TEMPLATE_DIGEST] = "sha256:earlier"
    merged = merge_patch({"spec": {"template": template}}, given.get("over", {}))
    return {"metadata": given["metadata"], **merged, "status": given.get("status", {})}


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
