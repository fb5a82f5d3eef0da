"""Reads one ModelDeployment and everything that its next state depends on. Half of the operator's I/O.

Logs of Jobs are read by pod_logs.py, replicas are asked by serving_status.py; the verbs that all this takes are in
kinds.py. Everything is read from the API server on each pass, nothing from a watch's cache, so that a pass after a
write sees that write.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

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
from slipway_operator.kube import Json, KubeApi
from slipway_operator.objects.names import MODEL_DEPLOYMENT_LABEL
from slipway_operator.ownership import controlled_by, uid_of
from slipway_operator.pod_logs import PodLogs
from slipway_operator.serving_status import ask
from slipway_operator.state import Object, Observed, Settings
from slipway_operator.work_queue import Key

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
        self._logs = PodLogs(api)
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
            job_log_tails=await self._logs.tails(job_pods),
            serving_report=await ask(self._http, serving_pods),
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


def _first(documents: tuple[Object, ...]) -> Object | None:
    return documents[0] if documents else None
