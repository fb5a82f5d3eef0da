"""May this user read this: the cluster's own RBAC is asked, and its answer kept for a few seconds."""

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from slipway_operator.kube import KubeApi
from slipway_operator.metrics_api.front_proxy import User
from slipway_operator.metrics_api.names import GROUP, VERSION

REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
MASTERS = "system:masters"
REMEMBER_SECONDS = 10.0  # as the delegated authorizer of API servers does
MAX_REMEMBERED = 4096

PARTS_OF_A_METRIC = 4  # namespace, resource, name, metric

Attributes = tuple[tuple[str, str], ...]


def build_attributes(path: str, verb: str = "get") -> tuple[str, Attributes]:
    """Name of the review's field, and its content, for a request path as Kubernetes reads it."""
    prefix = f"/apis/{GROUP}/{VERSION}/namespaces/"
    parts = path.removeprefix(prefix).split("/")
    if path.startswith(prefix) and len(parts) == PARTS_OF_A_METRIC:
        namespace, resource, name, subresource = map(unquote, parts)
        return "resourceAttributes", (
            ("group", GROUP),
            ("version", VERSION),
            ("verb", verb),
            ("namespace", namespace),
            ("resource", resource),
            ("name", name),
            ("subresource", subresource),
        )
    return "nonResourceAttributes", (("path", path), ("verb", verb))


class Authorizer:
    """Asks with SubjectAccessReviews."""

    def __init__(self, kube: KubeApi, clock: Callable[[], float]) -> None:
        self._kube = kube
        self._clock = clock
        self._answers: dict[tuple[User, Attributes], tuple[float, bool]] = {}

    async def is_allowed(self, user: User, path: str) -> bool:
        if MASTERS in user.groups:
            return True
        kind, attributes = build_attributes(path)
        known = self._answers.get((user, attributes))
        if known and self._clock() - known[0] < REMEMBER_SECONDS:
            return known[1]
        allowed = await self._review(user, kind, attributes)
        if len(self._answers) >= MAX_REMEMBERED:
            self._answers.clear()
        self._answers[user, attributes] = (self._clock(), allowed)
        return allowed

    async def _review(self, user: User, kind: str, attributes: Attributes) -> bool:
        spec: dict[str, Any] = {
            "user": user.name,
            "groups": list(user.groups),
            "extra": {key: list(values) for key, values in user.extra},
            kind: dict(attributes),
        }
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
        answer = await self._kube.create(REVIEWS, review)
        return bool(answer["status"].get("allowed"))
