"""One replica works, the other waits: who takes over, and who stops."""

import json
import signal
from pathlib import Path

import pytest
from support import cluster
from support.known_artifact import create, get
from support.operator_process import OperatorProcess, operator

pytestmark = pytest.mark.cluster


def start_working(running: OperatorProcess) -> None:
    cluster.wait_for(running.is_leading, message="nobody leads")


def test_a_standby_is_ready_and_takes_over_at_once(namespace: str, tmp_path: Path) -> None:
    with operator(namespace, tmp_path) as first:
        start_working(first)
        with operator(namespace, tmp_path) as second:
            cluster.wait_for(lambda: second.get("/readyz")[0] == 200, message="the standby is not ready")
            assert second.get("/healthz")[0] == 200
            assert not second.is_leading()
            holder = get("lease", "slipway-operator", namespace)["spec"]["holderIdentity"]

            assert first.stop() == 0
            # It gave the lease back: nobody has to wait until it expires.
            assert get("lease", "slipway-operator", namespace)["spec"].get("holderIdentity") != holder
            cluster.wait_for(second.is_leading, message="the standby did not take over")

            create(namespace, "after")
            cluster.wait_for(lambda: get("modeldeployment", "after", namespace).get("status"), message="no work")


def test_a_killed_leader_is_replaced_when_its_lease_expires(namespace: str, tmp_path: Path) -> None:
    with operator(namespace, tmp_path) as first:
        start_working(first)
        with operator(namespace, tmp_path) as second:
            cluster.wait_for(lambda: second.get("/readyz")[0] == 200, message="the standby is not ready")
            first.process.send_signal(signal.SIGKILL)

            cluster.wait_for(second.is_leading, message="the standby did not take over")


def test_a_leader_that_lost_its_lease_exits(namespace: str, tmp_path: Path) -> None:
    with operator(namespace, tmp_path) as running:
        start_working(running)

        usurp = json.dumps({"spec": {"holderIdentity": "another"}})
        cluster.kubectl("patch", "lease", "slipway-operator", "-n", namespace, "--type=merge", "-p", usurp)

        assert running.process.wait(timeout=300) == 1
        assert get("lease", "slipway-operator", namespace)["spec"]["holderIdentity"] == "another"


def test_every_line_of_the_log_is_json_and_a_stop_is_clean(namespace: str, tmp_path: Path) -> None:
    with operator(namespace, tmp_path) as running:
        start_working(running)
        create(namespace, "logged")
        cluster.wait_for(lambda: get("modeldeployment", "logged", namespace).get("status"), message="no work")

        assert running.stop() == 0

        assert all({"ts", "level", "logger", "message"} <= record.keys() for record in running.records)
        assert not [record for record in running.records if record["level"] in ("error", "critical")]
