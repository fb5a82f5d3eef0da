"""Which HTTP status each refusal has, and the headers and body that go with it."""

import orjson

from slipway_serving.errors import (
    ClientGoneError,
    DeadlineExceededError,
    InferenceFailedError,
    InvalidRequestError,
    NotReadyError,
    OverloadedError,
    RequestError,
    RequestTooLargeError,
    UnknownModelError,
    UnsupportedEncodingError,
)

STATUS_CODES: dict[type[RequestError], int] = {
    InvalidRequestError: 400,
    UnknownModelError: 404,
    RequestTooLargeError: 413,
    UnsupportedEncodingError: 415,
    ClientGoneError: 499,
    InferenceFailedError: 500,
    NotReadyError: 503,
    OverloadedError: 503,
    DeadlineExceededError: 504,
}

_UNAVAILABLE = 503


def error_headers(error: RequestError) -> list[tuple[bytes, bytes]]:
    headers = [(b"content-type", b"application/json")]
    if STATUS_CODES[type(error)] == _UNAVAILABLE:
        seconds = error.retry_after if isinstance(error, OverloadedError) else 1
        headers.append((b"retry-after", str(seconds).encode()))
    if isinstance(error, UnsupportedEncodingError):
        headers.append((b"accept-encoding", b"gzip, deflate"))
    return headers


def error_body(sentence: str) -> bytes:
    """An object with one sentence. A lone surrogate from a URL has no UTF-8 and becomes a question mark."""
    return orjson.dumps({"error": sentence.encode(errors="replace").decode()})
