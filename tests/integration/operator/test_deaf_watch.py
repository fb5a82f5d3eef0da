"""A watch that delivers nothing any more, without an error: the liveness probe notices, from what is read otherwise."""

import json
from pathlib import Path

import pytest
from support import cluster
from support.deafening_proxy import deafening_proxy
from support.known_artifact import create, get
from support.operator_process import operator

pytestmark = pytest.mark.cluster


def test_the_liveness_probe_notices(namespace: str, tmp_path: Path) -> None:
    limits = ("--resync-interval", "3", "--watch-lag-limit", "6")
    with (
        deafening_proxy(cluster.kubeconfig(), tmp_path) as (proxy, kubeconfig),
        operator(namespace, tmp_path, *limits, kubeconfig=kubeconfig) as running,
    ):
        create(namespace, "heard")
        cluster.wait_for(lambda: get("modeldeployment", "heard", namespace).get("status"), message="no work")
        cluster.wait_for(running.is_watching, message="the watch delivered nothing")
        cluster.wait_for(lambda: running.get("/healthz") == (200, "ok"), message="it hears, and is not healthy")

        proxy.deaf.set()
        labels = json.dumps({"metadata": {"labels": {"changed": "unheard"}}})
        cluster.kubectl("patch", "modeldeployment", "heard", "-n", namespace, "--type=merge", "-p", labels)

        cluster.wait_for(lambda: running.get("/healthz")[0] == 503, message="the probe noticed nothing")
        assert "the watch of modeldeployments" in running.get("/healthz")[1]


def test_a_quiet_watch_is_not_deaf(namespace: str, tmp_path: Path) -> None:
    limits = ("--resync-interval", "1", "--watch-lag-limit", "2")
    with operator(namespace, tmp_path, *limits) as running:
        create(namespace, "quiet")
        cluster.wait_for(running.is_watching, message="no work")

        def passes() -> float:
            lines = running.get("/metrics")[1].splitlines()
            name = 'slipway_operator_reconcile_duration_seconds_count{result="success"}'
            return next((float(line.split()[-1]) for line in lines if line.startswith(name)), 0.0)

        # Each resync reads everything again.
        before = passes()
        cluster.wait_for(lambda: passes() >= before + 6, message="no resync")
        cluster.wait_for(lambda: running.get("/healthz") == (200, "ok"), message="it was taken for deaf")
