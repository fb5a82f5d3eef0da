"""The Secret through which replicas share one CA and one serving certificate."""

import logging
from base64 import b64decode, b64encode
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from slipway_operator.kube import CONFLICT, ApiError, KubeApi
from slipway_operator.metrics_api.certificates import Lifetimes, Material, Step, next_step, split_bundle, take_step

logger = logging.getLogger(__name__)

KEYS = {"ca_key": "ca.key", "leaf": "tls.crt", "leaf_key": "tls.key"}


def parse_material(secret: Mapping[str, Any]) -> Material | None:
    """What a Secret holds; None when it holds nothing yet, or nothing that can be used."""
    data = secret.get("data") or {}
    try:
        fields = {name: b64decode(data[key], validate=True) for name, key in KEYS.items()}
        return Material(cas=split_bundle(b64decode(data["ca.crt"], validate=True)), **fields)
    except (KeyError, ValueError):
        return None


def format_material(material: Material) -> dict[str, str]:
    data = {"ca.crt": material.bundle} | {key: getattr(material, name) for name, key in KEYS.items()}
    return {key: b64encode(value).decode() for key, value in data.items()}


class TlsSecret:
    """The chart makes the Secret, empty; whichever replica comes first fills it, and whichever sees it due renews it.

    It is not made here because a ServiceAccount that may create Secrets may mint itself the token of any other
    ServiceAccount in its namespace.
    """

    def __init__(
        self, kube: KubeApi, namespace: str, name: str, dns_names: tuple[str, ...], lifetimes: Lifetimes
    ) -> None:
        self._kube = kube
        self._path = f"/api/v1/namespaces/{namespace}/secrets/{name}"
        self._dns_names = dns_names
        self._lifetimes = lifetimes

    async def renew(self, now: datetime) -> Material:
        """Read what is shared, take the step that is due, and give back what is shared now."""
        while True:
            secret = await self._kube.get(self._path)
            material = parse_material(secret)
            step = next_step(material, self._dns_names, now, self._lifetimes)
            if step is Step.NONE and material is not None:
                return material
            renewed = take_step(step, material, self._dns_names, now, self._lifetimes)
            try:
                await self._kube.replace(self._path, {**secret, "data": format_material(renewed)})
            except ApiError as error:
                if error.status != CONFLICT:
                    raise
                continue  # another replica was faster: use what it wrote
            logger.info("TLS: %s", step.value)
            return renewed
