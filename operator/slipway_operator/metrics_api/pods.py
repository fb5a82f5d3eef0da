"""Which serving pods there are, kept up to date by one list and a watch."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from slipway_operator.kube import ApiError, KubeApi
from slipway_operator.metrics_api.names import PARENT_LABEL, SERVING_PODS

logger = logging.getLogger(__name__)

WATCH_SECONDS = 240
RETRY_SECONDS = 2.0

Key = tuple[str, str]  # namespace and name of a ModelDeployment


@dataclass(frozen=True)
class PodAddress:
    """A pod that takes requests; `uid` tells it from an earlier one with the same name or address."""

    uid: str
    ip: str


def takes_requests(pod: Mapping[str, Any]) -> bool:
    """Ready, addressable, and not on its way out: a draining pod's requests are not load on the others."""
    if pod["metadata"].get("deletionTimestamp"):
        return False
    status = pod.get("status", {})
    conditions = {item["type"]: item["status"] for item in status.get("conditions") or ()}
    return bool(status.get("podIP")) and conditions.get("Ready") == "True"


class ServingPods:
    """The serving pods of one namespace, or of the whole cluster."""

    def __init__(self, kube: KubeApi, namespace: str | None) -> None:
        self._kube = kube
        self._path = f"/api/v1/namespaces/{namespace}/pods" if namespace else "/api/v1/pods"
        self._pods: dict[str, tuple[Key, PodAddress]] = {}
        self.synced = asyncio.Event()

    def ready(self, key: Key) -> tuple[PodAddress, ...]:
        return tuple(address for owner, address in self._pods.values() if owner == key)

    async def follow(self) -> None:
        """List, watch, and begin again whenever the watch ends; never returns."""
        while True:
            try:
                await self.list_and_watch()
            except (ApiError, ValueError) as error:
                logger.warning("The watch of serving pods ended, listing again: %s", error)
                await asyncio.sleep(RETRY_SECONDS)

    async def list_and_watch(self) -> None:
        listed = await self._kube.get(self._path, labelSelector=SERVING_PODS)
        self._pods = {}
        for pod in listed["items"]:
            self._see(pod)
        self.synced.set()
        version = listed["metadata"]["resourceVersion"]
        events = self._kube.watch(self._path, WATCH_SECONDS, labelSelector=SERVING_PODS, resourceVersion=version)
        async for event in events:
            if event["type"] == "ERROR":
                failure = event["object"]
                raise ApiError(failure["code"], failure.get("reason", ""), failure["message"])
            if event["type"] == "DELETED":
                self._pods.pop(event["object"]["metadata"]["uid"], None)
            elif event["type"] != "BOOKMARK":
                self._see(event["object"])

    def _see(self, pod: Mapping[str, Any]) -> None:
        """Take in the newest state of one pod."""
        meta = pod["metadata"]
        if takes_requests(pod):
            address = PodAddress(uid=meta["uid"], ip=pod["status"]["podIP"])
            self._pods[meta["uid"]] = ((meta["namespace"], meta["labels"][PARENT_LABEL]), address)
        else:
            self._pods.pop(meta["uid"], None)


class PodsOfNamespaces:
    """The serving pods of each namespace that Slipway was installed for; of all of them when none is named."""

    def __init__(self, kube: KubeApi, namespaces: tuple[str, ...]) -> None:
        self.namespaces = frozenset(namespaces)
        self.parts = {name: ServingPods(kube, name) for name in namespaces or (None,)}

    def covers(self, namespace: str) -> bool:
        return not self.namespaces or namespace in self.namespaces

    def ready(self, key: Key) -> tuple[PodAddress, ...]:
        part = self.parts.get(key[0] if self.namespaces else None)
        return part.ready(key) if part else ()

    @property
    def synced(self) -> bool:
        return all(part.synced.is_set() for part in self.parts.values())

    async def follow(self) -> None:
        async with asyncio.TaskGroup() as group:
            for part in self.parts.values():
                group.create_task(part.follow())
