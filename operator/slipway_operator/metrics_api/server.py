"""The two listeners: the aggregated API over TLS, and plain probes for kubelet."""

import logging
from collections.abc import Awaitable, Callable

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from slipway_operator.kube import ApiError
from slipway_operator.metrics_api.authorization import Authorizer
from slipway_operator.metrics_api.documents import build_status
from slipway_operator.metrics_api.front_proxy import Unauthenticated, authenticate
from slipway_operator.metrics_api.pods import PodsOfNamespaces
from slipway_operator.metrics_api.routes import Metrics, add_routes
from slipway_operator.metrics_api.telemetry import REQUESTS
from slipway_operator.metrics_api.upkeep import Upkeep

logger = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def build_api(metrics: Metrics, upkeep: Upkeep, authorizer: Authorizer) -> web.Application:
    """The aggregated API: no request gets past the front proxy's certificate and the cluster's RBAC."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if upkeep.front_proxy is None:
            raise ApiError(503, "ServiceUnavailable", "the front proxy's CA is not known yet")
        peer = request.transport.get_extra_info("peercert") if request.transport else None
        user = authenticate(upkeep.front_proxy, peer, list(request.headers.items()))
        if not await authorizer.is_allowed(user, request.rel_url.raw_path):
            raise ApiError(403, "Forbidden", f'user "{user.name}" may not get {request.path}')
        return await handler(request)

    app = web.Application(middlewares=[_answer_errors, check])
    add_routes(app, metrics)
    return app


@web.middleware
async def _answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every failure is a Status, as clients of Kubernetes expect."""
    try:
        response = await handler(request)
    except Unauthenticated as error:
        response = _failure(401, str(error))
    except ApiError as error:
        response = _failure(error.status or 503, error.message)
    except web.HTTPException as error:
        response = _failure(error.status, f"{request.method} {request.path}: {error.reason}")
    except Exception:
        logger.exception("%s %s failed", request.method, request.path)
        response = _failure(500, "a defect in Slipway's metrics API: its log has the traceback")
    REQUESTS.labels(response.status).inc()
    return response


def _failure(code: int, message: str) -> web.Response:
    return web.json_response(build_status(code, message), status=code)


class Probes:
    """What kubelet and Prometheus ask, on a port of its own and without TLS."""

    def __init__(self, upkeep: Upkeep, pods: PodsOfNamespaces) -> None:
        self._upkeep = upkeep
        self._pods = pods
        self.draining = False

    def build(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/healthz", self._live)
        app.router.add_get("/livez", self._live)
        app.router.add_get("/readyz", self._ready)
        app.router.add_get("/metrics", self._metrics)
        return app

    def missing(self) -> str | None:
        """What is not there yet, as a sentence."""
        if self.draining:
            return "shutting down"
        if self._upkeep.front_proxy is None:
            return "no serving certificate yet"
        return None if self._pods.synced else "the serving pods are not listed yet"

    async def _live(self, _request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _ready(self, _request: web.Request) -> web.Response:
        missing = self.missing()
        if missing:
            return web.Response(status=503, text=f"{missing}\n")
        foreign = self._upkeep.foreign
        note = f": custom.metrics.k8s.io is served by {foreign}, Slipway leaves it alone" if foreign else ""
        return web.Response(text=f"ok{note}\n")

    async def _metrics(self, _request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})
