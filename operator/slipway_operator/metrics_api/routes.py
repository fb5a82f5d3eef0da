"""The aggregated API over HTTP: discovery, and the metric itself."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from aiohttp import web

from slipway_operator.kube import ApiError, KubeApi
from slipway_operator.metrics_api import documents
from slipway_operator.metrics_api.documents import Document
from slipway_operator.metrics_api.names import (
    GROUP,
    GROUP_VERSION,
    METRIC,
    PARENT_GROUP,
    PARENT_PLURAL,
    PARENT_VERSION,
    RESOURCE,
)
from slipway_operator.metrics_api.pods import PodsOfNamespaces
from slipway_operator.metrics_api.sampler import Sampler

PARENTS = f"/apis/{PARENT_GROUP}/{PARENT_VERSION}/namespaces/{{}}/{PARENT_PLURAL}"
EVERY = "*"


class Metrics:
    """Answers for ModelDeployments."""

    def __init__(self, kube: KubeApi, pods: PodsOfNamespaces, sampler: Sampler) -> None:
        self._kube = kube
        self._pods = pods
        self._sampler = sampler

    async def get(self, request: web.Request) -> web.Response:
        namespace, name = request.match_info["namespace"], request.match_info["name"]
        if request.query.get("metricLabelSelector"):
            raise ApiError(400, "BadRequest", f"{METRIC} has no labels: remove metric.selector from the HPA")
        if not self._pods.covers(namespace):
            served = ", ".join(sorted(self._pods.namespaces))
            raise ApiError(
                404, "NotFound", f"this Slipway is installed for the namespaces {served}, not for {namespace}"
            )
        if name == EVERY:
            values = await self._every(namespace, request.query.get("labelSelector", ""))
        else:
            values = [await self._one(namespace, name)]
        return web.json_response(documents.build_metric_value_list(values))

    async def _one(self, namespace: str, name: str) -> Document:
        load = await self._sampler.load((namespace, name))
        if load is None:
            raise ApiError(404, "NotFound", await self._why_unknown(namespace, name))
        return documents.build_metric_value(namespace, name, load, time.time())

    async def _every(self, namespace: str, selector: str) -> list[Document]:
        listed = await self._kube.get(PARENTS.format(namespace), labelSelector=selector)
        names = [item["metadata"]["name"] for item in listed["items"]]
        loads = await asyncio.gather(*(self._sampler.load((namespace, name)) for name in names))
        return [
            documents.build_metric_value(namespace, name, load, time.time())
            for name, load in zip(names, loads, strict=True)
            if load is not None
        ]

    async def _why_unknown(self, namespace: str, name: str) -> str:
        """No number is made up: an HPA that gets an error holds the replicas as they are."""
        if await self._kube.find(f"{PARENTS.format(namespace)}/{name}") is None:
            return f'{RESOURCE} "{name}" not found in the namespace {namespace}'
        count = len(self._pods.ready((namespace, name)))
        why = f"none of its {count} ready pods answers on /metrics" if count else "it has no ready pod"
        return f'no {METRIC} known for {RESOURCE} "{name}" in the namespace {namespace}: {why}'


def add_routes(app: web.Application, metrics: Metrics) -> None:
    """Everything that the aggregation layer and its clients ask for."""
    app.router.add_get("/apis", _get_groups)
    app.router.add_get(f"/apis/{GROUP}", _constant(documents.build_api_group()))
    app.router.add_get(f"/apis/{GROUP_VERSION}", _constant(documents.build_api_resource_list()))
    # Nothing of this group can be written, so there is nothing to describe; but an API server logs errors without.
    app.router.add_get("/openapi/v2", _constant(documents.build_openapi()))
    app.router.add_get("/openapi/v3", _constant({"paths": {}}))
    prefix = f"/apis/{GROUP_VERSION}/namespaces"
    app.router.add_get(f"{prefix}/{{namespace}}/{RESOURCE}/{{name}}/{METRIC}", metrics.get)


def _constant(document: Document) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def get(_request: web.Request) -> web.Response:
        return web.json_response(document)

    return get


async def _get_groups(request: web.Request) -> web.Response:
    if documents.AGGREGATED_DISCOVERY in request.headers.get("Accept", ""):
        response = web.json_response(documents.build_aggregated_discovery())
        response.headers["Content-Type"] = documents.AGGREGATED_DISCOVERY
        return response
    return web.json_response(documents.build_api_group_list())
