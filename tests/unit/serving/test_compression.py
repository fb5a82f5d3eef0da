import gzip
import zlib
from typing import Any

import pytest

from slipway_serving.compression import accepted_encoding, deflated, inflated, known_encoding
from slipway_serving.errors import InvalidRequestError, RequestTooLargeError, UnsupportedEncodingError

BODY = bytes(range(256)) * 40


async def inflate(body: bytes, encoding: str, limit: int = 1 << 20) -> tuple[bytes, int]:
    held: list[int] = []
    return await inflated(body, encoding, limit, held.append), sum(held)


@pytest.mark.parametrize("size", [0, 1, len(BODY), 3_000_000])
@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_what_was_compressed_comes_back_and_every_byte_is_held(encoding: str, size: int) -> None:
    body = (BODY * (size // len(BODY) + 1))[:size]
    compressed = {"gzip": gzip.compress, "deflate": zlib.compress}[encoding](body)
    assert await inflate(compressed, encoding, limit=size) == (body, size)


@pytest.mark.parametrize(
    ("header", "encoding"), [("", None), ("identity", None), ("GZIP", "gzip"), ("x-gzip", "x-gzip")]
)
def test_the_encoding_of_a_body(header: str, encoding: str | None) -> None:
    assert known_encoding(header) == encoding


@pytest.mark.parametrize("header", ["br", "gzip, gzip", "zstd"])
def test_other_encodings_are_refused(header: str) -> None:
    with pytest.raises(UnsupportedEncodingError, match=header):
        known_encoding(header)


async def test_no_more_is_inflated_than_may_be() -> None:
    held: list[int] = []
    bomb = zlib.compress(bytes(200 << 20))
    with pytest.raises(RequestTooLargeError, match="inflates to more than the 1000000 bytes"):
        await inflated(bomb, "deflate", 1_000_000, held.append)
    assert sum(held) <= 1_000_000


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "the body is no complete gzip stream"),
        (b"plain", "the body is no gzip stream"),
        (gzip.compress(BODY)[:-9], "the body is no complete gzip stream"),
        (gzip.compress(BODY) + b"more", "4 bytes follow the body's gzip stream"),
        (zlib.compress(BODY), "the body is no gzip stream"),
    ],
)
async def test_what_is_no_stream_is_the_clients_error(body: bytes, sentence: str) -> None:
    with pytest.raises(InvalidRequestError, match=sentence):
        await inflate(body, "gzip")


@pytest.mark.parametrize(
    ("header", "encoding"),
    [
        ("gzip, deflate, br", "gzip"),
        ("deflate", "deflate"),
        ("GZIP;q=1.0", "gzip"),
        ("gzip;q=0, deflate", "deflate"),
        ("gzip; q=0", None),
        ("br", None),
        ("identity", None),
    ],
)
def test_which_encoding_is_asked_for(header: str, encoding: str | None) -> None:
    assert accepted_encoding(header) == encoding


async def test_an_answer_is_compressed_where_that_pays() -> None:
    unzip: dict[str, Any] = {"gzip": gzip.decompress, "deflate": zlib.decompress}
    for encoding, decompress in unzip.items():
        compressed = await deflated(BODY, encoding)
        assert compressed is not None
        assert decompress(compressed) == BODY
        large = await deflated(BODY * 100, encoding)
        assert large is not None
        assert decompress(large) == BODY * 100
    assert await deflated(b"short", "gzip") is None
