"""Keeps what the server stands on current: its certificate, the front proxy's CA, its APIService."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from slipway_operator.kube import ApiError, KubeApi
from slipway_operator.metrics_api.certificates import Material, expires_at
from slipway_operator.metrics_api.front_proxy import CONFIG_MAP, FrontProxy, parse_front_proxy
from slipway_operator.metrics_api.telemetry import API_SERVICE_OURS, CERTIFICATE_EXPIRES
from slipway_operator.metrics_api.tls import RotatingTls

logger = logging.getLogger(__name__)

INTERVAL = 10.0


class SharesCertificates(Protocol):
    """`tls_secret.TlsSecret`."""

    async def renew(self, now: datetime) -> Material: ...


class Registers(Protocol):
    """`apiservice.Registration`."""

    async def ensure(self, ca_bundle: bytes) -> str | None: ...


class Upkeep:
    """Looks every `interval` seconds; what cannot be reached now is tried again then, and serving goes on meanwhile."""

    def __init__(
        self,
        kube: KubeApi,
        secret: SharesCertificates,
        registration: Registers,
        now: Callable[[], datetime],
        interval: float = INTERVAL,
    ) -> None:
        self._kube = kube
        self._secret = secret
        self._registration = registration
        self._now = now
        self._interval = interval
        self._material: Material | None = None
        self.tls = RotatingTls()
        self.front_proxy: FrontProxy | None = None
        self.foreign: str | None = None

    async def run(self) -> None:
        """Never returns."""
        while True:
            try:
                await self.look()
            except (ApiError, ValueError) as error:
                logger.error("Upkeep is incomplete, trying again in %.0f s: %s", self._interval, error)
            await asyncio.sleep(self._interval)

    async def look(self) -> None:
        front_proxy = parse_front_proxy(await self._kube.get(CONFIG_MAP))
        material = await self._secret.renew(self._now())
        if (material, front_proxy) != (self._material, self.front_proxy):
            self.tls.use(material, front_proxy.ca)
            self._material, self.front_proxy = material, front_proxy
            CERTIFICATE_EXPIRES.set(expires_at(material.leaf).timestamp())
            logger.info("Serving with a certificate that holds until %s", expires_at(material.leaf).isoformat())
        await self._register(material)

    async def _register(self, material: Material) -> None:
        foreign = await self._registration.ensure(material.bundle)
        if foreign != self.foreign:
            logger.info("custom.metrics.k8s.io is served by %s", foreign or "Slipway again")
        self.foreign = foreign
        API_SERVICE_OURS.set(foreign is None)
