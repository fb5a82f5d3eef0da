"""Leader election on a coordination.k8s.io/Lease, as client-go does it.

`kubernetes.aio.leaderelection` (37.0.2) is not used: a network error ends its election instead of being retried, a
request may hang for longer than the lease lasts, it writes local time as UTC, and it cannot release the lease.
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from slipway_operator.events import micro_time
from slipway_operator.kinds import LEASE
from slipway_operator.kube import CONFLICT, ApiError, Json, KubeApi

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class LeaseTimes:
    """Seconds; the values of client-go. A leader that cannot renew gives up before others may take over."""

    duration: float = 15.0
    renew_deadline: float = 10.0
    retry: float = 2.0


@dataclass(frozen=True)
class _Sighting:
    """A state of the Lease, and when it was first seen by this process's own clock."""

    spec: dict[str, Any]
    at: float


def is_free(spec: dict[str, Any], age: float, identity: str) -> bool:
    """Whether `identity` may write the Lease: it holds it, nobody does, or its holder has not renewed for too long.

    `age` (seconds) counts from when this state was first seen here, so that clocks need not agree.
    """
    holder = spec.get("holderIdentity")
    return not holder or holder == identity or age >= spec.get("leaseDurationSeconds", 0)


def claimed(spec: dict[str, Any], identity: str, duration: float, now: datetime) -> dict[str, Any]:
    """The Lease's spec as `identity` writes it, to take it or to renew it."""
    renewed = {
        **spec,
        "holderIdentity": identity,
        "leaseDurationSeconds": round(duration),
        "renewTime": micro_time(now),
    }
    if spec.get("holderIdentity") == identity:
        return renewed
    return {**renewed, "acquireTime": micro_time(now), "leaseTransitions": spec.get("leaseTransitions", -1) + 1}


class Lease:
    """One candidate's side of the Lease."""

    def __init__(
        self,
        api: KubeApi,
        namespace: str,
        name: str,
        identity: str,
        times: LeaseTimes | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._api = api
        self._namespace = namespace
        self._name = name
        self._identity = identity
        self._times = times or LeaseTimes()
        self._clock = clock
        self._seen: _Sighting | None = None

    async def acquire(self) -> None:
        """Return once this process leads."""
        while not await self._try():  # noqa: ASYNC110  # no event tells when another process lets go
            await asyncio.sleep(self._times.retry * (1 + 0.2 * random.random()))  # noqa: S311  # spreads candidates
        logger.info("leading as %s", self._identity)

    async def hold(self) -> None:
        """Renew; return when the lease is lost: another has it, or it could not be renewed in time."""
        while await self._renew():
            pass
        logger.error("lost the lease")

    async def _renew(self) -> bool:
        try:
            async with asyncio.timeout(self._times.renew_deadline):
                while True:
                    await asyncio.sleep(self._times.retry)
                    if await self._try():
                        return True
                    if self._seen is not None and self._seen.spec.get("holderIdentity") != self._identity:
                        return False
        except TimeoutError:
            return False

    async def release(self) -> None:
        """Let a standby take over at once."""
        path = LEASE.path(self._namespace, self._name)
        try:
            lease = await self._api.get(path)
            if lease["spec"].get("holderIdentity") == self._identity:
                spec = {**lease["spec"], "holderIdentity": "", "leaseDurationSeconds": 1}
                await self._api.replace(path, {**lease, "spec": spec})
        except ApiError as error:
            logger.warning("could not release the lease, it expires by itself: %s", error)

    async def _try(self) -> bool:
        try:
            async with asyncio.timeout(self._times.renew_deadline / 2):
                return await self._acquire_or_renew()
        except ApiError as error:
            if error.status != CONFLICT:
                logger.warning("the lease cannot be read or written: %s", error)
        except TimeoutError:
            logger.warning("the API server does not answer in time for the lease")
        return False

    async def _acquire_or_renew(self) -> bool:
        path = LEASE.path(self._namespace, self._name)
        lease = await self._api.find(path)
        if lease is None:
            await self._api.create(LEASE.path(self._namespace), self._document())
            return True
        spec = lease.get("spec") or {}
        now = self._clock()
        if self._seen is None or self._seen.spec != spec:
            self._seen = _Sighting(spec, now)
        if not is_free(spec, now - self._seen.at, self._identity):
            return False
        # Carries the resourceVersion that was read: of two candidates, one gets a conflict.
        spec = claimed(spec, self._identity, self._times.duration, datetime.now(UTC))
        written = await self._api.replace(path, {**lease, "spec": spec})
        self._seen = _Sighting(written["spec"], now)
        return True

    def _document(self) -> Json:
        return {
            "apiVersion": LEASE.api_version,
            "kind": LEASE.name,
            "metadata": {"name": self._name, "namespace": self._namespace},
            "spec": claimed({}, self._identity, self._times.duration, datetime.now(UTC)),
        }
