"""The APIService object: whose custom.metrics.k8s.io is, and what follows for ours."""

from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from slipway_operator.custom_metrics import who_serves
from slipway_operator.kinds import API_SERVICES
from slipway_operator.kube import CONFLICT, NOT_FOUND, ApiError, KubeApi
from slipway_operator.metrics_api.names import API_SERVICE, FIELD_MANAGER, GROUP, VERSION

COLLECTION = "/apis/apiregistration.k8s.io/v1/apiservices"
CLUSTER_ROLES = "/apis/rbac.authorization.k8s.io/v1/clusterroles"

Object = Mapping[str, Any]


@dataclass(frozen=True)
class Endpoint:
    """The Service in front of a metrics API."""

    namespace: str
    name: str
    port: int = 443

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


def find_foreign(api_services: Iterable[Object], ours: Endpoint) -> str | None:
    """Who else serves any version of the group, in the words of the operator's Scaling condition."""
    answer = who_serves(list(api_services), str(ours))
    return None if answer.ours else answer.owner


def points_at(api_service: Object, endpoint: Endpoint) -> bool:
    service = api_service["spec"].get("service") or {}
    return (service.get("namespace"), service.get("name")) == (endpoint.namespace, endpoint.name)


def is_owned_by(api_service: Object, owner: Object) -> bool:
    references = api_service["metadata"].get("ownerReferences") or ()
    return any(it["uid"] == owner["metadata"]["uid"] for it in references)


def build_api_service(endpoint: Endpoint, ca_bundle: bytes, owner: Object) -> dict[str, Any]:
    """Ours, owned by a ClusterRole of the chart: with the one uninstalled, the garbage collector takes the other."""
    return {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {
            "name": API_SERVICE,
            "labels": {"app.kubernetes.io/managed-by": "slipway", "app.kubernetes.io/component": "metrics-api"},
            "ownerReferences": [
                {
                    "apiVersion": "rbac.authorization.k8s.io/v1",
                    "kind": "ClusterRole",
                    "name": owner["metadata"]["name"],
                    "uid": owner["metadata"]["uid"],
                }
            ],
        },
        "spec": {
            "group": GROUP,
            "version": VERSION,
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
            "service": {"namespace": endpoint.namespace, "name": endpoint.name, "port": endpoint.port},
            "caBundle": b64encode(ca_bundle).decode(),
        },
    }


class Registration:
    """Registers Slipway as the server of custom.metrics.k8s.io, unless somebody else is."""

    def __init__(self, kube: KubeApi, endpoint: Endpoint, owner_cluster_role: str) -> None:
        self._kube = kube
        self._endpoint = endpoint
        self._owner = f"{CLUSTER_ROLES}/{owner_cluster_role}"
        self._path = f"{COLLECTION}/{API_SERVICE}"

    async def ensure(self, ca_bundle: bytes) -> str | None:
        """Claim the group, or leave it to whoever has it; gives back who that is."""
        items = [item for name in API_SERVICES if (item := await self._kube.find(f"{COLLECTION}/{name}"))]
        owner = await self._kube.get(self._owner)
        foreign = find_foreign(items, self._endpoint)
        named_as_ours = next((it for it in items if it["metadata"]["name"] == API_SERVICE), None)
        if foreign is None:
            desired = build_api_service(self._endpoint, ca_bundle, owner)
            if named_as_ours is None or not _is_as_desired(named_as_ours, desired):
                await self._kube.apply(self._path, desired, FIELD_MANAGER)
        elif named_as_ours is not None and points_at(named_as_ours, self._endpoint):
            await self._delete(named_as_ours)
        elif named_as_ours is not None and is_owned_by(named_as_ours, owner):
            await self._disown(named_as_ours)
        return foreign

    async def _delete(self, item: Object) -> None:
        meta = item["metadata"]
        preconditions = {"uid": meta["uid"], "resourceVersion": meta["resourceVersion"]}
        body = {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": preconditions}
        try:
            await self._kube.delete(self._path, body)
        except ApiError as error:
            # Another replica was faster, or it changed hands: the next pass looks again.
            if error.status not in (NOT_FOUND, CONFLICT):
                raise

    async def _disown(self, item: Object) -> None:
        """Somebody took our object over: without our ownerReference, `helm uninstall` does not take it from them."""
        bare = {"apiVersion": item["apiVersion"], "kind": item["kind"], "metadata": {"name": API_SERVICE}}
        await self._kube.apply(self._path, bare, FIELD_MANAGER)


def _is_as_desired(found: Object, desired: Object) -> bool:
    same_spec = all(found["spec"].get(key) == value for key, value in desired["spec"].items())
    references = found["metadata"].get("ownerReferences") or []
    return same_spec and [it["uid"] for it in references] == [
        it["uid"] for it in desired["metadata"]["ownerReferences"]
    ]
