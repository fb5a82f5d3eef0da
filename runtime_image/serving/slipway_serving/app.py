"""HTTP translation. Inference is answered here, on bare ASGI; everything else goes to the control routes.

A web framework's routing and validation cost more than a small model's run (half of all requests a second were lost to
them when measured), and the data plane validates anyway.
"""

import logging
from collections.abc import Awaitable, Callable

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from slipway_serving.dataplane import DataPlane
from slipway_serving.description import VERSION
from slipway_serving.errors import (
    InferenceFailedError,
    InvalidRequestError,
    NotReadyError,
    OverloadedError,
    RequestError,
    RequestTooLargeError,
    UnsupportedEncodingError,
)
from slipway_serving.protocol import Answer

STATUS_CODES: dict[type[RequestError], int] = {
    InvalidRequestError: 400,
    RequestTooLargeError: 413,
    UnsupportedEncodingError: 415,
    InferenceFailedError: 500,
    NotReadyError: 503,
    OverloadedError: 503,
}
_CLIENT_GONE = 499

_JSON = (b"content-type", b"application/json")
_BINARY = (b"content-type", b"application/octet-stream")
_HEADER_LENGTH = b"inference-header-content-length"

_log = logging.getLogger(__name__)

Headers = dict[bytes, bytes]
Call = Callable[[bytes, Headers], Awaitable[Answer]]


class ClientGoneError(Exception):
    """The client closed the connection before its request was complete."""


class App:
    """The ASGI application: inference routes, and `control` for all others."""

    def __init__(self, plane: DataPlane, control: ASGIApp) -> None:
        self._plane = plane
        self._control = control

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        call = self._inference_call(scope["path"]) if scope["type"] == "http" else None
        if call is None:
            await self._control(scope, receive, send)
        elif scope["method"] != "POST":
            sentence = f"{scope['method']} is not allowed on {scope['path']}"
            await self._send(send, 405, [_JSON, (b"allow", b"POST")], orjson.dumps({"error": sentence}))
        else:
            code = await self._answer(call, scope, receive, send)
            self._plane.metrics.count_request(code)

    def _inference_call(self, path: str) -> Call | None:
        if path in ("/v1/predict", "/predict"):
            return self._predict
        if path.endswith("/infer") and path in self._infer_paths():
            return self._infer
        return None

    def _infer_paths(self) -> tuple[str, str]:
        model = f"/v2/models/{self._plane.model_name}"
        return f"{model}/infer", f"{model}/versions/{VERSION}/infer"

    async def _infer(self, body: bytes, headers: Headers) -> Answer:
        return await self._plane.infer(body, _header_length(headers))

    async def _predict(self, body: bytes, headers: Headers) -> Answer:
        return await self._plane.predict(body)

    async def _answer(self, call: Call, scope: Scope, receive: Receive, send: Send) -> int:
        try:
            with self._plane.accept():
                return await self._exchange(call, dict(scope["headers"]), receive, send)
        except (NotReadyError, OverloadedError) as error:
            return await self._send_error(send, error)

    async def _exchange(self, call: Call, headers: Headers, receive: Receive, send: Send) -> int:
        try:
            _refuse_encoding(headers)
            body = await read_body(receive, headers, self._plane.settings.max_request_bytes)
            answer = await call(body, headers)
        except ClientGoneError:
            return _CLIENT_GONE
        except RequestError as error:
            return await self._send_error(send, error)
        except Exception:
            _log.exception("a request failed for a reason that is not its own")
            return await self._send_error(send, InferenceFailedError("internal error; the server's log has the reason"))
        content = [_JSON]
        if answer.header_length is not None:
            content = [_BINARY, (_HEADER_LENGTH, str(answer.header_length).encode())]
        await self._send(send, 200, content, answer.body)
        return 200

    async def _send_error(self, send: Send, error: RequestError) -> int:
        code = STATUS_CODES[type(error)]
        headers = [_JSON, (b"retry-after", b"1")] if code == 503 else [_JSON]  # noqa: PLR2004 (a status code)
        await self._send(send, code, headers, orjson.dumps({"error": str(error)}))
        return code

    async def _send(self, send: Send, code: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        headers = [*headers, (b"content-length", str(len(body)).encode())]
        if self._plane.draining:
            # Kept-alive connections would otherwise stay on this pod until it is gone.
            headers.append((b"connection", b"close"))
        start: Message = {"type": "http.response.start", "status": code, "headers": headers}
        await send(start)
        await send({"type": "http.response.body", "body": body})


async def read_body(receive: Receive, headers: Headers, limit: int) -> bytes:
    """The whole body.

    Raises:
        RequestTooLargeError: more than `limit` bytes, announced or sent.
        ClientGoneError: the connection closed first.
    """
    announced = headers.get(b"content-length", b"")
    if announced.isdigit() and int(announced) > limit:
        raise RequestTooLargeError(f"the body has {int(announced)} bytes, and this server takes {limit}")
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise RequestTooLargeError(f"the body has more than the {limit} bytes that this server takes")
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks) if len(chunks) > 1 else chunk


def _refuse_encoding(headers: Headers) -> None:
    encoding = headers.get(b"content-encoding", b"identity").decode("latin-1")
    if encoding != "identity":
        raise UnsupportedEncodingError(f"Content-Encoding {encoding} is not supported: send the body as it is")


def _header_length(headers: Headers) -> int | None:
    value = headers.get(_HEADER_LENGTH)
    if value is None:
        return None
    if not value.isdigit():
        raise InvalidRequestError("Inference-Header-Content-Length must be a number of bytes")
    return int(value)
