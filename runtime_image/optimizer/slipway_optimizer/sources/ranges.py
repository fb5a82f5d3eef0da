"""One file over HTTP from any offset on, and never of another version than the one that was looked at."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Final

import requests

from slipway_optimizer.sources.origin import CHUNK_BYTES, ChangedError, Stream

TIMEOUT_SECONDS: Final = (10.0, 60.0)  # to connect, and between two reads
GONE: Final = {HTTPStatus.PRECONDITION_FAILED, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE}

Get = Callable[[dict[str, str]], requests.Response]
"""Sends the request with these headers and returns the response, its body not yet read."""


def strong_tag(response: requests.Response) -> str | None:
    """The response's entity tag, if it stands for exact bytes."""
    tag = response.headers.get("ETag")
    encoded = "Content-Encoding" in response.headers
    return tag if tag and not tag.startswith("W/") and not encoded else None


def length(response: requests.Response) -> int | None:
    """Bytes that the body will have, where the server says it."""
    value = response.headers.get("Content-Length", "")
    return int(value) if value.isdecimal() and "Content-Encoding" not in response.headers else None


@contextmanager
def read_range(get: Get, tag: str | None, size: int | None, offset: int) -> Iterator[Stream]:
    """Bytes from `offset` on; from 0 where the server does not do ranges.

    Args:
        get: sends the request.
        tag: the strong entity tag of the version wanted; None where bytes of this URL never change.
        size: the size of the version wanted, where it is known.
        offset: bytes that are there already; 0 unless `tag` or the URL vouches for them.

    Raises:
        ChangedError: the server has another version now.
    """
    # Bytes as they are stored: a compressed body could not be resumed, and its length would be another.
    headers = {"Accept-Encoding": "identity"}
    if offset:
        headers["Range"] = f"bytes={offset}-"
        if tag:
            headers["If-Range"] = tag
    with get(headers) as response:
        if response.status_code in GONE:
            raise ChangedError(f"status {response.status_code}")
        response.raise_for_status()
        if tag and response.headers.get("ETag", tag) != tag:
            raise ChangedError(f"entity tag {response.headers['ETag']} instead of {tag}")
        start, total = _span(response)
        if start not in {0, offset} or (None not in {total, size} and total != size):
            raise ChangedError(f"{total} bytes from {start} on instead of {size} from {offset} on")
        yield Stream(start, response.iter_content(CHUNK_BYTES))


def _span(response: requests.Response) -> tuple[int, int | None]:
    """Where the body starts in the file, and how long the file is."""
    if response.status_code != HTTPStatus.PARTIAL_CONTENT:
        return 0, length(response)
    match = re.match(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
    if match is None:
        raise ChangedError("a part with no Content-Range")
    return int(match[1]), None if match[2] == "*" else int(match[2])
