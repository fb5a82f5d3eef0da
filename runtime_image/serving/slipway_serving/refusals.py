"""How the control routes say no: like the inference routes, with `{"error": sentence}`."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from slipway_serving.errors import RequestError
from slipway_serving.status_codes import STATUS_CODES, error_body, error_headers


async def refuse_route(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    sentence = error.detail
    if error.status_code == 404:  # noqa: PLR2004 (a status code)
        sentence = f"there is no {request.url.path} here"
    elif error.status_code == 405:  # noqa: PLR2004 (a status code)
        sentence = f"{request.method} is not allowed on {request.url.path}"
    headers = {"content-type": "application/json", **(error.headers or {})}
    return Response(error_body(sentence), error.status_code, headers)


async def refuse_request(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestError):
        raise error
    headers = {name.decode(): value.decode() for name, value in error_headers(error)}
    return Response(error_body(str(error)), STATUS_CODES[type(error)], headers)
