"""Who serves custom.metrics.k8s.io, read from its APIServices."""

import asyncio
import time
from dataclasses import dataclass

from slipway_operator.kinds import API_SERVICES
from slipway_operator.kube import ApiError, KubeApi
from slipway_operator.state import Object

FORBIDDEN = 403
TTL = 15.0


@dataclass(frozen=True)
class CustomMetrics:
    owner: str | None = None  # "NAMESPACE/SERVICE"
    ours: bool = False


class CustomMetricsReader:
    """Remembers the answer for a short while: it is the same for every ModelDeployment."""

    def __init__(self, api: KubeApi, our_service: str) -> None:
        self._api = api
        self._our_service = our_service
        self._answer = CustomMetrics()
        self._read_at = -TTL
        self._lock = asyncio.Lock()

    async def read(self) -> CustomMetrics:
        async with self._lock:
            if time.monotonic() - self._read_at >= TTL:
                self._answer = who_serves(await self._api_services(), self._our_service)
                self._read_at = time.monotonic()
            return self._answer

    async def _api_services(self) -> list[Object]:
        """Nothing where the installation grants no cluster-wide reads: the autoscaler then uses CPU."""
        paths = [f"/apis/apiregistration.k8s.io/v1/apiservices/{name}" for name in API_SERVICES]
        try:
            found = await asyncio.gather(*(self._api.find(path) for path in paths))
        except ApiError as error:
            if error.status == FORBIDDEN:
                return []
            raise
        return [document for document in found if document is not None]


def who_serves(api_services: list[Object], our_service: str) -> CustomMetrics:
    """Another server wins: it is enough that it owns one version for ours not to be asked.

    Another installation of Slipway is another server: it knows nothing of our namespaces.
    """
    answers = sorted((service == our_service, service) for service in map(_service, api_services))
    return CustomMetrics(owner=answers[0][1], ours=answers[0][0]) if answers else CustomMetrics()


def _service(document: Object) -> str:
    service = document["spec"].get("service")
    return f"{service['namespace']}/{service['name']}" if service else "the API server itself"
