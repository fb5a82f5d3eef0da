"""HTTP translation. Inference is answered here, on bare ASGI; everything else goes to the control routes.

A web framework's routing and validation cost more than a small model's run (half of all requests a second were lost to
them when measured), and the data plane validates anyway.
"""

import logging
from collections.abc import Awaitable
from typing import Literal

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from slipway_serving.abandonment import TICKET
from slipway_serving.compression import accepted_encoding, deflated, inflated, known_encoding
from slipway_serving.dataplane import DataPlane
from slipway_serving.description import VERSION
from slipway_serving.errors import (
    ClientGoneError,
    InferenceFailedError,
    InvalidRequestError,
    RequestError,
    RequestTooLargeError,
)
from slipway_serving.protocol import Answer
from slipway_serving.status_codes import STATUS_CODES, error_body, error_headers
from slipway_serving.ticket import Ticket

_CLIENT_GONE = STATUS_CODES[ClientGoneError]

_JSON = (b"content-type", b"application/json")
_BINARY = (b"content-type", b"application/octet-stream")
# What Envoy, and so Istio and most gateways, say of the time that the client still waits.
_TIMEOUT = b"x-envoy-expected-rq-timeout-ms"
_REQUEST_ID = b"x-request-id"
_HEADER_LENGTH = b"inference-header-content-length"
_MOST_DIGITS = 18

_log = logging.getLogger(__name__)

Headers = dict[bytes, bytes]
Route = Literal["infer", "predict"]


class App:
    """The ASGI application: inference routes, and `control` for all others."""

    def __init__(self, plane: DataPlane, control: ASGIApp) -> None:
        self._plane = plane
        self._control = control

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = self._route(scope["path"]) if scope["type"] == "http" else None
        if route is None:
            await self._control(scope, receive, send)
        elif scope["method"] != "POST":
            sentence = f"{scope['method']} is not allowed on {scope['path']}"
            await self._send(send, 405, [_JSON, (b"allow", b"POST")], error_body(sentence))
        else:
            code = await self._answer(route, scope, receive, send)
            self._plane.metrics.count_request(code, route=route)

    def _route(self, path: str) -> Route | None:
        if path in ("/v1/predict", "/predict"):
            return "predict"
        if path.endswith("/infer") and path in self._infer_paths():
            return "infer"
        return None

    def _infer_paths(self) -> tuple[str, str]:
        model = f"/v2/models/{self._plane.model_name}"
        return f"{model}/infer", f"{model}/versions/{VERSION}/infer"

    def _ask(self, route: Route, body: bytes, headers: Headers, ticket: Ticket) -> Awaitable[Answer]:
        if route == "predict":
            return self._plane.predict(body, ticket)
        return self._plane.infer(body, _header_length(headers), ticket)

    async def _answer(self, route: Route, scope: Scope, receive: Receive, send: Send) -> int:
        headers = dict(scope["headers"])
        announced = min(_announced(headers), self._plane.settings.max_request_bytes)
        try:
            with self._plane.accept(announced, route=route) as ticket:
                request_id = headers.get(_REQUEST_ID)
                if request_id:
                    ticket.request_id = request_id.decode("latin-1")
                scope[TICKET] = ticket
                ticket.code = await self._exchange(route, headers, ticket, receive, send)
                return ticket.code
        except RequestError as error:
            return await self._send_error(send, error)

    async def _exchange(self, route: Route, headers: Headers, ticket: Ticket, receive: Receive, send: Send) -> int:
        try:
            _limit_time(headers, ticket)
            limit = self._plane.settings.max_request_bytes
            named = headers.get(b"content-encoding")
            encoding = None if named is None else known_encoding(named.decode("latin-1"))
            body = await read_body(receive, headers, limit, ticket)
            if encoding is not None:
                body = await inflated(body, encoding, limit, ticket.hold)
            answer = await self._ask(route, body, headers, ticket)
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
        body = answer.body
        if b"accept-encoding" in headers:
            content, body = await _compressed(content, body, headers[b"accept-encoding"])
        await self._send(send, 200, content, body)
        return 200

    async def _send_error(self, send: Send, error: RequestError) -> int:
        code = STATUS_CODES[type(error)]
        await self._send(send, code, error_headers(error), error_body(str(error)))
        return code

    async def _send(self, send: Send, code: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        headers = [*headers, (b"content-length", str(len(body)).encode())]
        if self._plane.draining:
            # Kept-alive connections would otherwise stay on this pod until it is gone.
            headers.append((b"connection", b"close"))
        start: Message = {"type": "http.response.start", "status": code, "headers": headers}
        await send(start)
        await send({"type": "http.response.body", "body": body})


async def read_body(receive: Receive, headers: Headers, limit: int, ticket: Ticket) -> bytes:
    """The whole body.

    Raises:
        RequestTooLargeError: more than `limit` bytes, announced or sent.
        OverloadedError: the bodies of all requests have more bytes than they may, or no place is left for this one.
        ClientGoneError: the connection closed first.
    """
    announced = _announced(headers)
    if announced > limit:
        raise RequestTooLargeError(f"the body has {announced} bytes, and this server takes {limit}")
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
        ticket.hold(len(chunk))
        chunks.append(chunk)
        if not message.get("more_body", False):
            ticket.arrive()
            return b"".join(chunks) if len(chunks) > 1 else chunk


def _announced(headers: Headers) -> int:
    value = headers.get(b"content-length", b"")
    return int(value) if value.isdigit() and len(value) <= _MOST_DIGITS else 0


def _limit_time(headers: Headers, ticket: Ticket) -> None:
    value = headers.get(_TIMEOUT)
    if value is None:
        return
    if not value.isdigit() or len(value) > _MOST_DIGITS:
        raise InvalidRequestError("X-Envoy-Expected-Rq-Timeout-Ms must be a number of milliseconds")
    ticket.limit_to(int(value) / 1000)


async def _compressed(
    content: list[tuple[bytes, bytes]], body: bytes, accepted: bytes
) -> tuple[list[tuple[bytes, bytes]], bytes]:
    encoding = accepted_encoding(accepted.decode("latin-1"))
    compressed = None if encoding is None else await deflated(body, encoding)
    if encoding is None or compressed is None:
        return content, body
    return [*content, (b"content-encoding", encoding.encode()), (b"vary", b"accept-encoding")], compressed


def _header_length(headers: Headers) -> int | None:
    value = headers.get(_HEADER_LENGTH)
    if value is None:
        return None
    if not value.isdigit() or len(value) > _MOST_DIGITS:
        raise InvalidRequestError("Inference-Header-Content-Length must be a number of bytes")
    return int(value)
