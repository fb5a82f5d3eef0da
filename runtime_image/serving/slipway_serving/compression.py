"""Compressed bodies: gzip and deflate, in and out. What a body inflates to counts against the limit, as it inflates."""

import asyncio
import zlib
from collections.abc import Callable

from slipway_serving.errors import InvalidRequestError, RequestTooLargeError, UnsupportedEncodingError

_GZIP = 16 + zlib.MAX_WBITS
_WINDOWS = {"gzip": _GZIP, "x-gzip": _GZIP, "deflate": zlib.MAX_WBITS}
_STEP = 1 << 20
# A smaller one is not worth its headers, and what inflates from so little holds the event loop for a moment only.
_LEAST_BYTES = 1024
_INLINE_BYTES = 16 << 10
_FASTEST = 1


def known_encoding(header: str) -> str | None:
    """The encoding that a Content-Encoding header names; None for a body that is as it is.

    Raises:
        UnsupportedEncodingError: neither gzip nor deflate.
    """
    name = header.strip().lower()
    if name in ("identity", ""):
        return None
    if name not in _WINDOWS:
        raise UnsupportedEncodingError(
            f"Content-Encoding {header} is not supported: send gzip, deflate or the body as it is"
        )
    return name


async def inflated(body: bytes, encoding: str, limit: int, hold: Callable[[int], None]) -> bytes:
    """The body as it was before it was compressed; `hold` hears of its bytes before they are kept.

    Raises:
        RequestTooLargeError: it inflates to more than `limit` bytes.
        InvalidRequestError: not what it says it is, cut off, or followed by something else.
    """
    if len(body) <= _INLINE_BYTES:
        return _inflate(body, encoding, limit, hold)
    return await asyncio.to_thread(_inflate, body, encoding, limit, hold)


def accepted_encoding(header: str) -> str | None:
    """Which of our encodings an Accept-Encoding header asks for."""
    wanted = {}
    for item in header.lower().split(","):
        name, _, parameters = item.partition(";")
        wanted[name.strip()] = parameters.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return next((name for name in ("gzip", "deflate") if wanted.get(name)), None)


async def deflated(body: bytes, encoding: str) -> bytes | None:
    """The body, compressed; None where that does not pay."""
    if len(body) < _LEAST_BYTES:
        return None
    if len(body) <= _INLINE_BYTES:
        return _deflate(body, encoding)
    return await asyncio.to_thread(_deflate, body, encoding)


def _inflate(body: bytes, name: str, limit: int, hold: Callable[[int], None]) -> bytes:
    stream = zlib.decompressobj(_WINDOWS[name])
    parts: list[bytes] = []
    size = 0
    rest = body
    try:
        while not stream.eof:
            part = stream.decompress(rest, _STEP)
            if not part and not stream.eof:
                raise InvalidRequestError(f"the body is no complete {name} stream")
            size += len(part)
            if size > limit:
                raise RequestTooLargeError(f"the body inflates to more than the {limit} bytes that this server takes")
            hold(len(part))
            parts.append(part)
            rest = stream.unconsumed_tail
    except zlib.error as error:
        raise InvalidRequestError(f"the body is no {name} stream: {error}") from None
    if stream.unused_data:
        raise InvalidRequestError(f"{len(stream.unused_data)} bytes follow the body's {name} stream")
    return b"".join(parts)


def _deflate(body: bytes, encoding: str) -> bytes | None:
    stream = zlib.compressobj(_FASTEST, wbits=_WINDOWS[encoding])
    compressed = stream.compress(body) + stream.flush()
    return compressed if len(compressed) < len(body) else None
