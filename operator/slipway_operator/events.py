"""Kubernetes Events about a ModelDeployment, for `kubectl describe`."""

import hashlib
from datetime import UTC, datetime
from typing import Any

from slipway_operator.kinds import EVENT, MODEL_DEPLOYMENT
from slipway_operator.kube import CONFLICT, MERGE_PATCH, ApiError, Json, KubeApi
from slipway_operator.state import Event, Object

REPORTING_CONTROLLER = "slipway.dev/operator"


def build_event(parent: Object, event: Event, *, instance: str, now: datetime) -> dict[str, Any]:
    """An events.k8s.io/v1 Event. Its name is a digest of what it says, so that saying it again finds the first one."""
    meta = parent["metadata"]
    said = "\0".join((meta["uid"], event.type, event.reason, event.action, event.message))
    return {
        "apiVersion": EVENT.api_version,
        "kind": EVENT.name,
        "metadata": {
            "name": f"{meta['name']}.{hashlib.sha256(said.encode()).hexdigest()[:16]}",
            "namespace": meta["namespace"],
        },
        "eventTime": micro_time(now),
        "reportingController": REPORTING_CONTROLLER,
        "reportingInstance": instance,
        "type": event.type,
        "reason": event.reason,
        "action": event.action,
        "note": event.message,
        "regarding": {
            "apiVersion": MODEL_DEPLOYMENT.api_version,
            "kind": MODEL_DEPLOYMENT.name,
            "name": meta["name"],
            "namespace": meta["namespace"],
            "uid": meta["uid"],
        },
    }


def next_in_series(known: Object, now: datetime) -> dict[str, Any]:
    """The patch for an Event that happened again."""
    count = (known.get("series") or {"count": 1})["count"] + 1
    return {"series": {"count": count, "lastObservedTime": micro_time(now)}}


def micro_time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class EventRecorder:
    """Writes Events; one that is repeated becomes a higher count, never another object."""

    def __init__(self, api: KubeApi, instance: str) -> None:
        self._api = api
        self._instance = instance

    async def record(self, parent: Object, event: Event) -> None:
        now = datetime.now(UTC)
        body = build_event(parent, event, instance=self._instance, now=now)
        namespace, name = body["metadata"]["namespace"], body["metadata"]["name"]
        try:
            await self._api.create(EVENT.path(namespace), body)
        except ApiError as error:
            if error.status != CONFLICT:
                raise
            path = EVENT.path(namespace, name)
            known: Json = await self._api.get(path)
            await self._api.patch(path, next_in_series(known, now), MERGE_PATCH)
