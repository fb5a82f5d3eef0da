"""The routes that people, probes, scrapers and the operator ask: health, metadata, metrics, status."""

from typing import Any

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException as StarletteHTTPException

from slipway_serving.dataplane import DataPlane, LoadedModel
from slipway_serving.description import VERSION, describe_config, describe_model, describe_server
from slipway_serving.metrics import CONTENT_TYPE


def build_control(plane: DataPlane) -> FastAPI:
    app = FastAPI(title="Slipway", openapi_url=None)
    app.add_exception_handler(StarletteHTTPException, _error_response)
    _add_health(app, plane)
    _add_models(app, plane)
    _add_observability(app, plane)
    return app


async def _error_response(request: Request, error: Exception) -> Response:
    if not isinstance(error, StarletteHTTPException):
        raise error
    detail = error.detail
    if error.status_code == 404 and detail == "Not Found":  # noqa: PLR2004 (a status code)
        detail = f"there is no {request.url.path} here"
    elif error.status_code == 405:  # noqa: PLR2004 (a status code)
        detail = f"{request.method} is not allowed on {request.url.path}"
    return JSONResponse({"error": detail}, status_code=error.status_code, headers=error.headers)


def _add_health(app: FastAPI, plane: DataPlane) -> None:
    @app.get("/v2/health/live")
    async def live() -> JSONResponse:
        return JSONResponse({"live": plane.live}, status_code=200 if plane.live else 503)

    @app.get("/v2/health/ready")
    async def ready() -> JSONResponse:
        return JSONResponse({"ready": plane.ready}, status_code=200 if plane.ready else 503)

    @app.get("/v2")
    async def server_metadata() -> dict[str, Any]:
        return describe_server()


def _add_models(app: FastAPI, plane: DataPlane) -> None:
    @app.get("/v2/models/{name}/ready")
    @app.get("/v2/models/{name}/versions/{version}/ready")
    async def model_ready(name: str, version: str = VERSION) -> JSONResponse:
        _require_known(plane, name, version)
        return JSONResponse({"name": name, "ready": plane.ready}, status_code=200 if plane.ready else 503)

    @app.get("/v2/models/{name}")
    @app.get("/v2/models/{name}/versions/{version}")
    async def model_metadata(name: str, version: str = VERSION) -> dict[str, Any]:
        return describe_model(name, _loaded(plane, name, version).artifact.manifest)

    @app.get("/v2/models/{name}/config")
    @app.get("/v2/models/{name}/versions/{version}/config")
    async def model_config(name: str, version: str = VERSION) -> dict[str, Any]:
        manifest = _loaded(plane, name, version).artifact.manifest
        return describe_config(name, manifest, batch_max_size=plane.batch_max_size)

    @app.post("/v2/models/{name}/infer")
    @app.post("/v2/models/{name}/versions/{version}/infer")
    async def infer_unknown(name: str, version: str = VERSION) -> None:
        """Only models that are not served here arrive: `App` answers the others before."""
        _loaded(plane, name, version)


def _add_observability(app: FastAPI, plane: DataPlane) -> None:
    @app.get("/metrics")
    async def metrics() -> Response:
        return Response(plane.metrics.render(), media_type=CONTENT_TYPE)

    @app.get("/v1/status")
    async def status() -> dict[str, Any]:
        model = plane.model
        return {
            "artifactDigest": model.artifact.digest if model else None,
            "executionProvider": model.session.execution_provider if model else None,
            "expectedAccelerator": plane.settings.expected_accelerator,
            "golden": {"maxAbsDiff": model.golden.max_abs_diff, "tolerance": model.golden.tolerance} if model else None,
            "ready": plane.ready,
        }


def _loaded(plane: DataPlane, name: str, version: str) -> LoadedModel:
    _require_known(plane, name, version)
    if plane.model is None:
        raise HTTPException(503, "the model is still being loaded and verified", headers={"retry-after": "1"})
    return plane.model


def _require_known(plane: DataPlane, name: str, version: str) -> None:
    if plane.model_name and name != plane.model_name:
        raise HTTPException(404, f"unknown model {name!r}: this server has {plane.model_name!r}")
    if version != VERSION:
        raise HTTPException(404, f"unknown version {version!r} of {name!r}: this server has {VERSION!r}")
