"""Reads one ModelDeployment and everything that its next state depends on. Half of the operator's I/O.

The verbs that this takes are in kinds.py. Everything is read from the API server on each pass, nothing from a
watch's cache, so that a pass after a write sees that write.
"""

import asyncio
import ipaddress
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from slipway_operator.api.v1alpha1 import ModelDeployment
from slipway_operator.custom_metrics import CustomMetricsReader
from slipway_operator.kinds import (
    AUTOSCALER,
    CHILDREN,
    CLAIM,
    CONFIG_MAP,
    DEPLOYMENT,
    JOB,
    MODEL_DEPLOYMENT,
    POD,
    REPLICA_SET,
    Kind,
)
from slipway_operator.kube import ApiError, Json, KubeApi
from slipway_operator.objects.names import MODEL_DEPLOYMENT_LABEL
from slipway_operator.ownership import controlled_by, uid_of
from slipway_operator.state import Object, Observed, ServingReport, Settings
from slipway_operator.work_queue import Key

logger = logging.getLogger(__name__)

LOG_TAIL_LINES = "20"
LOG_TAIL_BYTES = "16384"
SERVING_PORT = 8080
SERVING_TIMEOUT = aiohttp.ClientTimeout(total=2)

Saw = Callable[[Kind, Object], None]


@dataclass(frozen=True)
class Snapshot:
    """The parent as the API server sent it, all that it controls, and what the core is told of both."""

    document: Json
    children: tuple[Object, ...]
    observed: Observed


class Observer:
    def __init__(
        self, api: KubeApi, http: aiohttp.ClientSession, settings: Settings, now: Callable[[], str], saw: Saw
    ) -> None:
        """Take as `now` the clock (RFC 3339), as `saw` whom to tell of every object that was read."""
        self._api = api
        self._http = http
        self._settings = settings
        self.now = now
        self._saw = saw
        self._custom_metrics = CustomMetricsReader(api, settings.metrics_api_service)

    async def keys(self, namespace: str | None) -> list[Key]:
        """All ModelDeployments of a namespace, or (None) of all."""
        documents = await self._api.list(MODEL_DEPLOYMENT, namespace)
        for document in documents:
            self._saw(MODEL_DEPLOYMENT, document)
        return [Key(document["metadata"]["namespace"], document["metadata"]["name"]) for document in documents]

    async def document(self, key: Key) -> Json | None:
        document = await self._api.find(MODEL_DEPLOYMENT.path(*key))
        if document is not None:
            self._saw(MODEL_DEPLOYMENT, document)
        return document

    async def snapshot(self, document: Json, parent: ModelDeployment) -> Snapshot:
        key = Key(document["metadata"]["namespace"], document["metadata"]["name"])
        lists = await asyncio.gather(*(self._labelled(kind, key) for kind in (*CHILDREN, REPLICA_SET, POD)))
        of_kind = dict(zip((*CHILDREN, REPLICA_SET, POD), lists, strict=True))
        owned = {kind: controlled_by(of_kind[kind], [uid_of(document)]) for kind in CHILDREN}
        replica_sets = controlled_by(of_kind[REPLICA_SET], map(uid_of, owned[DEPLOYMENT]))
        job_pods = controlled_by(of_kind[POD], map(uid_of, owned[JOB]))
        serving_pods = controlled_by(of_kind[POD], map(uid_of, replica_sets))
        custom_metrics = await self._custom_metrics.read()
        observed = Observed(
            parent=parent,
            settings=self._settings,
            now=self.now(),
            jobs=owned[JOB],
            config_maps=owned[CONFIG_MAP],
            claim=_first(owned[CLAIM]),
            deployment=_first(owned[DEPLOYMENT]),
            hpa=_first(owned[AUTOSCALER]),
            job_pods=job_pods,
            serving_pods=serving_pods,
            replica_sets=replica_sets,
            job_log_tails=await self._log_tails(key.namespace, job_pods),
            serving_report=await self._serving_report(serving_pods),
            custom_metrics_owner=custom_metrics.owner,
            custom_metrics_ours=custom_metrics.ours,
        )
        children = tuple(child for kind in CHILDREN for child in owned[kind])
        return Snapshot(document=document, children=children, observed=observed)

    async def _labelled(self, kind: Kind, key: Key) -> list[Json]:
        documents = await self._api.list(kind, key.namespace, labelSelector=f"{MODEL_DEPLOYMENT_LABEL}={key.name}")
        for document in documents:
            self._saw(kind, document)
        return documents

    async def _log_tails(self, namespace: str, pods: tuple[Object, ...]) -> Mapping[str, str]:
        names = [pod["metadata"]["name"] for pod in pods if has_telling_log(pod)]
        tails = await asyncio.gather(*(self._log_tail(namespace, name) for name in names))
        return {name: tail for name, tail in zip(names, tails, strict=True) if tail is not None}

    async def _log_tail(self, namespace: str, name: str) -> str | None:
        path = POD.path(namespace, name, "log")
        try:
            return await self._api.text(path, tailLines=LOG_TAIL_LINES, limitBytes=LOG_TAIL_BYTES)
        except ApiError as error:
            # The pod or its node has gone since, or its container is being replaced: there is no log to show.
            logger.info("no log of pod %s: %s", name, error)
            return None

    async def _serving_report(self, pods: tuple[Object, ...]) -> ServingReport | None:
        pod = newest_ready(pods)
        if pod is None:
            return None
        try:
            async with self._http.get(status_url(pod), timeout=SERVING_TIMEOUT) as response:
                response.raise_for_status()
                return serving_report(await response.json())
        except (aiohttp.ClientError, TimeoutError, ValueError, KeyError) as error:
            logger.info("pod %s does not report its status: %s", pod["metadata"]["name"], error or type(error).__name__)
            return None


def has_telling_log(pod: Object) -> bool:
    """Progress is in the log of a running pod, the reason in that of a failed one."""
    statuses = pod.get("status", {}).get("containerStatuses", [])
    return any(_is_running(status["state"]) or _has_failed(status) for status in statuses)


def _is_running(state: Mapping[str, Any]) -> bool:
    return "running" in state


def _has_failed(status: Mapping[str, Any]) -> bool:
    return any(status.get(when, {}).get("terminated", {}).get("exitCode", 0) != 0 for when in ("state", "lastState"))


def newest_ready(pods: tuple[Object, ...]) -> Object | None:
    """The pod to ask what is served: during a rollout the news is in the newest one."""
    ready = [pod for pod in pods if _is_ready(pod)]
    return max(ready, key=lambda pod: str(pod["metadata"]["creationTimestamp"]), default=None)


def _is_ready(pod: Object) -> bool:
    if "deletionTimestamp" in pod["metadata"]:
        return False
    conditions = pod.get("status", {}).get("conditions", [])
    return any((condition["type"], condition["status"]) == ("Ready", "True") for condition in conditions)


def status_url(pod: Object) -> str:
    address = ipaddress.ip_address(pod["status"]["podIP"])
    host = f"[{address}]" if address.version == 6 else str(address)  # noqa: PLR2004
    return f"http://{host}:{SERVING_PORT}/v1/status"


def serving_report(document: Mapping[str, Any]) -> ServingReport:
    return ServingReport(
        artifact_digest=str(document["artifactDigest"]), execution_provider=str(document["executionProvider"])
    )


def _first(documents: tuple[Object, ...]) -> Object | None:
    return documents[0] if documents else None
