"""As much of Azure's blob service on loopback as our stores and sources ask for: blobs, blocks, ranges, listings."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import Message
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from support.http_server import Quiet, http_server

CONTAINER = "models"
ACCOUNT = "devstoreaccount1"

Answer = tuple[int, dict[str, str], bytes]


@dataclass
class AzureServer:
    port: int
    blobs: dict[str, bytes] = field(default_factory=dict)
    etags: dict[str, str] = field(default_factory=dict)
    times: dict[str, float] = field(default_factory=dict)
    blocks: dict[str, bytes] = field(default_factory=dict)
    written: int = 0
    lock: Any = field(default_factory=Lock)

    @property
    def root(self) -> str:
        return f"az://{CONTAINER}"

    def make_old(self, key: str, seconds: float) -> None:
        """As if a blob had been written so long ago."""
        self.times[key] -= seconds

    def write(self, key: str, content: bytes) -> str:
        """Put a blob into the container; returns its URI."""
        self.written += 1
        self.blobs[key], self.etags[key], self.times[key] = content, f"0x8D{self.written:013X}", time.time()
        return f"az://{CONTAINER}/{key}"

    def remove(self, key: str) -> None:
        del self.blobs[key]

    def read(self, key: str) -> bytes:
        return self.blobs[key]

    def keys(self, prefix: str = "") -> list[str]:
        """Names of all blobs below a prefix, relative to it."""
        root = f"{prefix.rstrip('/')}/" if prefix else ""
        return sorted(key.removeprefix(root) for key in self.blobs if key.startswith(root))

    def write_secret(self, folder: Path) -> None:
        """The keys of a Secret as a mounted volume has them."""
        folder.mkdir(parents=True)
        endpoint = f"http://127.0.0.1:{self.port}/{ACCOUNT}"
        values = f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey=a2V5;BlobEndpoint={endpoint};"
        (folder / "AZURE_STORAGE_CONNECTION_STRING").write_text(values)

    def headers(self, key: str) -> dict[str, str]:
        return {
            "ETag": f'"{self.etags[key]}"',
            "Last-Modified": formatdate(self.times[key], usegmt=True),
            "x-ms-creation-time": formatdate(self.times[key], usegmt=True),
            "x-ms-blob-type": "BlockBlob",
            "x-ms-server-encrypted": "true",
            "Content-Type": "application/octet-stream",
        }

    def listing(self, prefix: str, delimiter: str) -> bytes:
        """All blobs whose names start with a prefix; with a delimiter, what is below the next one is one folder."""
        found = {key: key[len(prefix) :].partition(delimiter or "\0") for key in self.blobs if key.startswith(prefix)}
        folders = sorted({prefix + start + end for start, end, _ in found.values() if end})
        blobs = "".join(f"<BlobPrefix><Name>{escape(name)}</Name></BlobPrefix>" for name in folders) + "".join(
            f"<Blob><Name>{escape(key)}</Name><Properties>"
            f"<Last-Modified>{formatdate(self.times[key], usegmt=True)}</Last-Modified>"
            f"<Etag>{self.etags[key]}</Etag><Content-Length>{len(self.blobs[key])}</Content-Length>"
            "<BlobType>BlockBlob</BlobType></Properties></Blob>"
            for key, (_, end, _) in sorted(found.items())
            if not end
        )
        body = (
            f'<EnumerationResults ContainerName="{CONTAINER}"><Blobs>{blobs}</Blobs><NextMarker /></EnumerationResults>'
        )
        return f'<?xml version="1.0" encoding="utf-8"?>{body}'.encode()


@contextmanager
def azure_server() -> Iterator[AzureServer]:
    with http_server() as server:
        azure = AzureServer(server.server_port)
        server.RequestHandlerClass = _handler(azure)
        yield azure


def _handler(azure: AzureServer) -> type[BaseHTTPRequestHandler]:
    class Handler(Quiet, BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            self._say(*_answer(azure, self.path, self.headers))

        def _say(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                with suppress(BrokenPipeError):
                    self.wfile.write(body)

        def do_PUT(self) -> None:
            self._say(*_put(azure, self.path, self.headers, self.rfile.read(int(self.headers["Content-Length"]))))

        def do_DELETE(self) -> None:
            key = _key(self.path)
            with azure.lock:
                is_there = azure.blobs.pop(key, None) is not None
            self._say(202 if is_there else 404, {} if is_there else {"x-ms-error-code": "BlobNotFound"}, b"")

    return Handler


def _answer(azure: AzureServer, target: str, asked: Message) -> Answer:
    url = urlsplit(target)
    query = parse_qs(url.query)
    container, _, key = unquote(url.path).removeprefix(f"/{ACCOUNT}/").partition("/")
    if container != CONTAINER:
        return 404, {"x-ms-error-code": "ContainerNotFound"}, b""
    if query.get("comp") == ["list"]:
        return (
            200,
            {"Content-Type": "application/xml"},
            azure.listing(query.get("prefix", [""])[0], query.get("delimiter", [""])[0]),
        )
    if not key:
        return 200, {"ETag": '"0x1"', "Last-Modified": formatdate(usegmt=True)}, b""
    if key not in azure.blobs:
        return 404, {"x-ms-error-code": "BlobNotFound"}, b""
    return _blob(azure, key, asked)


def _put(azure: AzureServer, target: str, asked: Message, body: bytes) -> Answer:
    """A whole blob, one block of it, or the list of blocks that it consists of."""
    query, key = parse_qs(urlsplit(target).query), _key(target)
    if key.startswith("/"):
        return 404, {"x-ms-error-code": "ContainerNotFound"}, b""
    if query.get("comp") == ["block"]:
        azure.blocks[query["blockid"][0]] = body
        return 201, {}, b""
    if query.get("comp") == ["blocklist"]:
        body = b"".join(azure.blocks[number] for number in re.findall(r"<Latest>([^<]+)</Latest>", body.decode()))
    with azure.lock:
        if asked.get("If-None-Match") == "*" and key in azure.blobs:
            return 409, {"x-ms-error-code": "BlobAlreadyExists"}, b""
        azure.write(key, body)
        return 201, {name: azure.headers(key)[name] for name in ("ETag", "Last-Modified")}, b""


def _key(target: str) -> str:
    return unquote(urlsplit(target).path).removeprefix(f"/{ACCOUNT}/{CONTAINER}/")


def _blob(azure: AzureServer, key: str, asked: Message) -> Answer:
    content, headers = azure.blobs[key], azure.headers(key)
    if asked.get("If-Match", headers["ETag"]) != headers["ETag"]:
        return 412, {"x-ms-error-code": "ConditionNotMet"}, b""
    match = re.fullmatch(r"bytes=(\d+)-(\d*)", asked.get("x-ms-range") or asked.get("Range") or "")
    if match is None:
        return 200, headers, content
    start, end = int(match[1]), min(int(match[2] or len(content)), len(content) - 1)
    return 206, headers | {"Content-Range": f"bytes {start}-{end}/{len(content)}"}, content[start : end + 1]
