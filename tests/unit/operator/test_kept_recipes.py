"""Which artifacts a Job is told to leave in the store: those that a pod may still have to fetch, and no others."""

from dataclasses import replace
from typing import Any

import pytest
from support.stories import find_child, read_story

from slipway_operator.objects.names import RECIPE_DIGEST
from slipway_operator.reconcile import reconcile
from slipway_operator.state import Observed

EARLIER = "sha256:earlier"


@pytest.mark.parametrize(("deleted", "kept"), [(False, True), (True, False)])
def test_what_a_pod_serves_stays_until_the_pod_is_deleted(deleted: bool, kept: bool) -> None:
    observed = read_story("no-history-keeps-what-is-served").observed
    metadata = {"name": "lite0-earlier", "namespace": observed.namespace, "annotations": {RECIPE_DIGEST: EARLIER}}
    if deleted:
        metadata["deletionTimestamp"] = "2026-11-24T12:00:30Z"
    pod = {"metadata": metadata, "spec": {"containers": []}, "status": {"phase": "Running"}}

    assert (EARLIER in job_arguments(replace(observed, serving_pods=(*observed.serving_pods, pod)))) is kept


def job_arguments(observed: Observed) -> list[str]:
    job: Any = find_child(reconcile(observed), "Job/lite0-optimize-*")
    arguments: list[str] = job["spec"]["template"]["spec"]["containers"][0]["args"]
    return arguments
