"""What people and tools ask about the server and its model: metadata, configuration, statistics, index, documentation.

On FastAPI, whose import would cost most of the start: it is taken when the first of these questions comes.
"""

import json
from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from slipway_serving.dataplane import DataPlane
from slipway_serving.description import (
    describe_config,
    describe_index,
    describe_model,
    describe_server,
    describe_statistics,
)
from slipway_serving.errors import InvalidRequestError, RequestError
from slipway_serving.openapi import describe_api, render_page
from slipway_serving.refusals import refuse_request, refuse_route

_MODEL = "/v2/models/{name}"
_VERSIONED = f"{_MODEL}/versions/{{version}}"
_MOST_INDEX_BYTES = 4096


def build_metadata(plane: DataPlane) -> FastAPI:
    # FastAPI's own pages describe no inference route, and load scripts from hosts that a cluster may not reach.
    app = FastAPI(
        openapi_url=None,
        exception_handlers={HTTPException: refuse_route, RequestError: refuse_request},
    )
    _add_server(app, plane)
    _add_model(app, plane)
    _add_documentation(app, plane)
    return app


def _add_server(app: FastAPI, plane: DataPlane) -> None:
    @app.get("/v2")
    async def server_metadata() -> dict[str, Any]:
        return describe_server()

    @app.post("/v2/repository/index")
    async def index(request: Request) -> list[dict[str, Any]]:
        only_ready = _wants_ready_alone(await _short_body(request))
        return describe_index(plane.model_name, ready=plane.ready, only_ready=only_ready)

    @app.get("/v2/models/stats")
    async def all_statistics() -> dict[str, Any]:
        return describe_statistics(plane.model_name, plane.statistics)


def _add_model(app: FastAPI, plane: DataPlane) -> None:
    @app.get(f"{_MODEL}/ready")
    @app.get(f"{_VERSIONED}/ready")
    async def ready(response: Response, name: str, version: str = "") -> dict[str, Any]:
        plane.require_known(name, version)
        response.status_code = 200 if plane.ready else 503
        return {"name": name, "ready": plane.ready}

    @app.get(f"{_MODEL}/config")
    @app.get(f"{_VERSIONED}/config")
    async def config(name: str, version: str = "") -> dict[str, Any]:
        model = plane.find(name, version)
        return describe_config(model.name, model.artifact.manifest, batch_max_size=plane.batch_max_size)

    @app.get(f"{_MODEL}/stats")
    @app.get(f"{_VERSIONED}/stats")
    async def statistics(name: str, version: str = "") -> dict[str, Any]:
        plane.find(name, version)
        return describe_statistics(plane.model_name, plane.statistics)

    @app.post(f"{_MODEL}/infer")
    @app.post(f"{_VERSIONED}/infer")
    async def infer_unknown(name: str, version: str = "") -> None:
        """Only models that are not served here arrive: `App` answers the others before."""
        plane.find(name, version)
        raise HTTPException(404)

    @app.get(_MODEL)
    @app.get(_VERSIONED)
    async def metadata(name: str, version: str = "") -> dict[str, Any]:
        model = plane.find(name, version)
        return describe_model(model.name, model.artifact.manifest)


def _add_documentation(app: FastAPI, plane: DataPlane) -> None:
    def document() -> dict[str, Any]:
        return describe_api(plane.model_name, plane.model.artifact.manifest if plane.model else None)

    @app.get("/openapi.json")
    async def openapi() -> dict[str, Any]:
        return document()

    @app.get("/docs", response_class=HTMLResponse)
    async def docs() -> str:
        return render_page(document())


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
