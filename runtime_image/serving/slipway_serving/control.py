"""The routes that probes, scrapers and the operator ask: health, metrics, status; all others are the metadata's."""

import asyncio
from collections.abc import Callable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from slipway_serving.dataplane import DataPlane
from slipway_serving.errors import RequestError
from slipway_serving.metrics import CONTENT_TYPE
from slipway_serving.refusals import refuse_request, refuse_route


class OnFirstRequest:
    """An application that is built, off the event loop, when it is first asked."""

    def __init__(self, build: Callable[[], ASGIApp]) -> None:
        self._build = build
        self._app: ASGIApp | None = None
        self._building = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._building:
            if self._app is None:
                self._app = await asyncio.to_thread(self._build)
            app = self._app
        await app(scope, receive, send)


def build_control(plane: DataPlane) -> Starlette:
    def metadata() -> ASGIApp:
        from slipway_serving.metadata_routes import build_metadata  # noqa: PLC0415 (FastAPI would delay the start)

        return build_metadata(plane)

    app = Starlette(
        routes=[*_health(plane), *_observability(plane)],
        exception_handlers={HTTPException: refuse_route, RequestError: refuse_request},
    )
    app.router.default = OnFirstRequest(metadata)
    return app


def _health(plane: DataPlane) -> list[Route]:
    async def live(request: Request) -> Response:
        return JSONResponse({"live": plane.live}, status_code=200 if plane.live else 503)

    async def ready(request: Request) -> Response:
        return JSONResponse({"ready": plane.ready}, status_code=200 if plane.ready else 503)

    return [Route("/v2/health/live", live), Route("/v2/health/ready", ready)]


def _observability(plane: DataPlane) -> list[Route]:
    async def metrics(request: Request) -> Response:
        return Response(plane.metrics.render(), media_type=CONTENT_TYPE)

    async def status(request: Request) -> Response:
        model = plane.model
        golden = {"maxAbsDiff": model.golden.max_abs_diff, "tolerance": model.golden.tolerance} if model else None
        return JSONResponse(
            {
                "artifactDigest": model.artifact.digest if model else None,
                "executionProvider": model.session.execution_provider if model else None,
                "expectedAccelerator": plane.settings.expected_accelerator,
                "golden": golden,
                "ready": plane.ready,
            }
        )

    return [Route("/metrics", metrics), Route("/v1/status", status)]
