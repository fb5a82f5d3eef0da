"""A pass that meets what nobody foresaw: the status says so, nothing is applied, and the queue tries again."""

from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Histogram
from support.modeldeployments import modeldeployment

from slipway_operator import controller
from slipway_operator.controller import Controller, earliest, seconds_until
from slipway_operator.state import Event
from slipway_operator.work_queue import Key

KEY = Key("models", "odd")
SECRET = "hunter2"  # noqa: S105 (what an error's text may hold)


class Cluster:
    """Observer, applier and recorder in one: it has one object, and takes no children."""

    def __init__(self) -> None:
        meta = {"name": KEY.name, "namespace": KEY.namespace, "uid": "1", "generation": 2}
        before = {"type": "Ready", "status": "True", "reason": "Ready", "message": "m", "observedGeneration": 1}
        self.object = {**modeldeployment({}), "metadata": meta, "status": {"conditions": [before]}}
        self.events: list[Event] = []

    async def document(self, _key: Key) -> dict[str, Any]:
        return self.object

    async def snapshot(self, document: dict[str, Any], _parent: object) -> Any:
        return SimpleNamespace(document=document, observed=None, children=())

    def now(self) -> str:
        return "2026-01-01T00:00:00Z"

    async def write_status(self, document: dict[str, Any], status: dict[str, Any]) -> bool:
        changed = document["status"] != status
        self.object = {**document, "status": status}
        return changed

    async def record(self, _parent: object, event: Event) -> None:
        self.events.append(event)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    def reconcile(_observed: object) -> None:
        raise TypeError(f"cannot digest {SECRET}")

    monkeypatch.setattr(controller, "reconcile", reconcile)
    return Cluster()


async def test_a_defect_is_told_and_raised(cluster: Cluster) -> None:
    seconds = Histogram("s", "s", ["result"], registry=CollectorRegistry())
    telemetry: Any = SimpleNamespace(reconcile_seconds=seconds)
    passes = Controller(cluster, cluster, cluster, telemetry)  # type: ignore[arg-type]

    for _ in range(2):
        with pytest.raises(TypeError):
            await passes.run_once(KEY)

    (ready,) = cluster.object["status"]["conditions"]
    assert (ready["status"], ready["reason"], ready["observedGeneration"]) == ("False", "InternalError", 2)
    assert "TypeError" in ready["message"]
    assert SECRET not in ready["message"]
    assert [event.reason for event in cluster.events] == ["InternalError"]


def test_the_next_pass_comes_in_time() -> None:
    assert seconds_until("2026-11-24T12:10:00Z", "2026-11-24T12:00:00Z") == 600
    assert seconds_until("2026-11-24T12:00:00Z", "2026-11-24T12:00:07Z") == 1
    assert seconds_until(None, "2026-11-24T12:00:00Z") is None
    assert earliest(5.0, None, 2.0) == 2.0
    assert earliest(None, None) is None
