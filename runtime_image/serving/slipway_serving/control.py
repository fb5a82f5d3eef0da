"""The routes that people, probes, scrapers and the operator ask: health, metadata, statistics, metrics, status."""

import json
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from slipway_serving.dataplane import DataPlane
from slipway_serving.description import (
    describe_config,
    describe_index,
    describe_model,
    describe_server,
    describe_statistics,
)
from slipway_serving.errors import InvalidRequestError, RequestError
from slipway_serving.metrics import CONTENT_TYPE
from slipway_serving.openapi import describe_api, render_page
from slipway_serving.status_codes import STATUS_CODES, error_body, error_headers

_MOST_INDEX_BYTES = 4096


def build_control(plane: DataPlane) -> Starlette:
    return Starlette(
        routes=[*_health(plane), *_models(plane), *_repository(plane), *_observability(plane), *_documentation(plane)],
        exception_handlers={HTTPException: _refuse_route, RequestError: _refuse_request},
    )


async def _refuse_route(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    sentence = error.detail
    if error.status_code == 404:  # noqa: PLR2004 (a status code)
        sentence = f"there is no {request.url.path} here"
    elif error.status_code == 405:  # noqa: PLR2004 (a status code)
        sentence = f"{request.method} is not allowed on {request.url.path}"
    headers = {"content-type": "application/json", **(error.headers or {})}
    return Response(error_body(sentence), error.status_code, headers)


async def _refuse_request(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestError):
        raise error
    headers = {name.decode(): value.decode() for name, value in error_headers(error)}
    return Response(error_body(str(error)), STATUS_CODES[type(error)], headers)


def _health(plane: DataPlane) -> list[Route]:
    async def live(request: Request) -> Response:
        return JSONResponse({"live": plane.live}, status_code=200 if plane.live else 503)

    async def ready(request: Request) -> Response:
        return JSONResponse({"ready": plane.ready}, status_code=200 if plane.ready else 503)

    async def server_metadata(request: Request) -> Response:
        return JSONResponse(describe_server())

    return [Route("/v2/health/live", live), Route("/v2/health/ready", ready), Route("/v2", server_metadata)]


def _models(plane: DataPlane) -> list[Route]:
    async def model_ready(request: Request) -> Response:
        name, version = _asked(request)
        plane.require_known(name, version)
        return JSONResponse({"name": name, "ready": plane.ready}, status_code=200 if plane.ready else 503)

    async def model_metadata(request: Request) -> Response:
        model = plane.find(*_asked(request))
        return JSONResponse(describe_model(model.name, model.artifact.manifest))

    async def model_config(request: Request) -> Response:
        model = plane.find(*_asked(request))
        return JSONResponse(describe_config(model.name, model.artifact.manifest, batch_max_size=plane.batch_max_size))

    async def statistics(request: Request) -> Response:
        if "name" in request.path_params:
            plane.find(*_asked(request))
        return JSONResponse(describe_statistics(plane.model_name, plane.statistics))

    async def infer_unknown(request: Request) -> Response:
        """Only models that are not served here arrive: `App` answers the others before."""
        plane.find(*_asked(request))
        raise HTTPException(404)

    routes = [Route("/v2/models/stats", statistics)]
    for model in ("/v2/models/{name}", "/v2/models/{name}/versions/{version}"):
        routes += [
            Route(f"{model}/ready", model_ready),
            Route(f"{model}/config", model_config),
            Route(f"{model}/stats", statistics),
            Route(f"{model}/infer", infer_unknown, methods=["POST"]),
            Route(model, model_metadata),
        ]
    return routes


def _repository(plane: DataPlane) -> list[Route]:
    async def index(request: Request) -> Response:
        only_ready = _wants_ready_alone(await _short_body(request))
        return JSONResponse(describe_index(plane.model_name, ready=plane.ready, only_ready=only_ready))

    return [Route("/v2/repository/index", index, methods=["POST"])]


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


def _documentation(plane: DataPlane) -> list[Route]:
    def document() -> dict[str, Any]:
        return describe_api(plane.model_name, plane.model.artifact.manifest if plane.model else None)

    async def openapi(request: Request) -> Response:
        return JSONResponse(document())

    async def docs(request: Request) -> Response:
        return HTMLResponse(render_page(document()))

    return [Route("/openapi.json", openapi), Route("/docs", docs)]


def _asked(request: Request) -> tuple[str, str]:
    return request.path_params["name"], request.path_params.get("version", "")


async def _short_body(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST_INDEX_BYTES:
            raise InvalidRequestError(f"this route takes at most {_MOST_INDEX_BYTES} bytes")
    return body


def _wants_ready_alone(body: bytes) -> bool:
    try:
        asked = json.loads(body or b"{}")
    except ValueError:
        raise InvalidRequestError("the request is not valid JSON") from None
    ready = asked.get("ready", False) if isinstance(asked, dict) else None
    if not isinstance(ready, bool):
        raise InvalidRequestError("the request must be an object, and ready in it true or false")
    return ready
