"""Which logs are read, and how often."""

from typing import Any

import pytest

from slipway_operator.kube import ApiError
from slipway_operator.pod_logs import PodLogs, has_telling_log

RUNNING = {"state": {"running": {}}}
WAITING = {"state": {"waiting": {"reason": "ContainerCreating"}}}
SUCCEEDED = {"state": {"terminated": {"exitCode": 0}}}
FAILED = {"state": {"terminated": {"exitCode": 64}}}
RESTARTING = {**WAITING, "lastState": {"terminated": {"exitCode": 70}}}


@pytest.mark.parametrize(
    ("status", "tells"),
    [(RUNNING, True), (FAILED, True), (RESTARTING, True), (WAITING, False), (SUCCEEDED, False), (None, False)],
)
def test_telling_logs(status: dict[str, Any] | None, tells: bool) -> None:
    assert has_telling_log({"status": {"containerStatuses": [status]} if status else {}}) == tells


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Logs:
    """Every reading finds another text."""

    def __init__(self) -> None:
        self.readings = 0

    async def text(self, path: str, **_query: str) -> str:
        if path.endswith("/gone/log"):
            raise ApiError(404, "NotFound", "no such pod")
        self.readings += 1
        return f"reading {self.readings}"


def pod(name: str, status: dict[str, Any], uid: str = "1") -> dict[str, Any]:
    meta = {"name": name, "namespace": "n", "uid": uid}
    return {"metadata": meta, "status": {"containerStatuses": [status]}}


async def test_progress_is_read_at_an_interval() -> None:
    """However often a pass runs: each new progress is a status write, and each write a reason for another pass."""
    clock = Clock()
    logs = PodLogs(Logs(), interval=5.0, clock=clock)  # type: ignore[arg-type]
    seen = []
    for clock.now in (100.0, 100.4, 104.9, 105.0, 106.0, 110.0):
        seen += (await logs.tails([pod("a", RUNNING)])).values()
    assert seen == ["reading 1", "reading 1", "reading 1", "reading 2", "reading 2", "reading 3"]


async def test_the_end_is_read_at_once_and_another_pod_too() -> None:
    logs = PodLogs(Logs(), interval=5.0, clock=lambda: 100.0)  # type: ignore[arg-type]
    assert await logs.tails([pod("a", RUNNING)]) == {"a": "reading 1"}
    assert await logs.tails([pod("a", FAILED)]) == {"a": "reading 2"}
    assert await logs.tails([pod("a", RUNNING, uid="2")]) == {"a": "reading 3"}


async def test_a_log_that_is_gone_is_no_error() -> None:
    logs = PodLogs(Logs())  # type: ignore[arg-type]
    assert await logs.tails([pod("gone", FAILED), pod("waits", WAITING)]) == {}
