"""A GCS server on loopback: the emulator that speaks its JSON API, in memory, and what of the real one it lacks."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import formatdate
from http import HTTPStatus
from pathlib import Path
from threading import Lock
from typing import Any
from unittest.mock import patch
from urllib.parse import quote

import httpx
from gcp_storage_emulator.handlers import objects
from gcp_storage_emulator.server import RequestHandler, Response, create_server
from support.local_server import free_port

BUCKET = "models"


@dataclass(frozen=True)
class GcsServer:
    endpoint: str
    storage: Any

    @property
    def root(self) -> str:
        return f"gs://{BUCKET}"

    def make_old(self, key: str, seconds: float) -> None:
        """As if an object had been written so long ago."""
        item = self.storage.objects[BUCKET][key]
        for name in ("timeCreated", "updated"):
            then = datetime.fromisoformat(item[name]) - timedelta(seconds=seconds)
            item[name] = then.isoformat().replace("+00:00", "Z")

    def write(self, key: str, content: bytes) -> str:
        """Put an object into the bucket; returns its URI."""
        url = f"{self.endpoint}/upload/storage/v1/b/{BUCKET}/o"
        httpx.post(url, params={"uploadType": "media", "name": key}, content=content).raise_for_status()
        return f"gs://{BUCKET}/{key}"

    def read(self, key: str) -> bytes:
        return httpx.get(self._object(key), params={"alt": "media"}).raise_for_status().content

    def remove(self, key: str) -> None:
        httpx.delete(self._object(key))

    def keys(self, prefix: str = "") -> list[str]:
        """Names of all objects below a prefix, relative to it."""
        root = f"{prefix.rstrip('/')}/" if prefix else ""
        answer = httpx.get(f"{self.endpoint}/storage/v1/b/{BUCKET}/o", params={"prefix": root})
        return sorted(item["name"].removeprefix(root) for item in answer.raise_for_status().json()["items"])

    def write_secret(self, folder: Path) -> None:
        """The keys of a Secret as a mounted volume has them."""
        folder.mkdir(parents=True)
        (folder / "STORAGE_EMULATOR_HOST").write_text(self.endpoint)

    def _object(self, key: str) -> str:
        return f"{self.endpoint}/storage/v1/b/{BUCKET}/o/{quote(key, safe='')}"


@contextmanager
def gcs_server() -> Iterator[GcsServer]:
    port = free_port()
    with (
        patch.object(objects, "_multipart_upload", _only_if_asked_for(objects._multipart_upload)),
        patch.object(Response, "write_file", _described(Response.write_file)),
        patch.object(Response, "close", _close),
        patch.object(RequestHandler, "do_HEAD", RequestHandler.do_GET, create=True),
    ):
        server = create_server("localhost", port, in_memory=True, default_bucket=BUCKET)
        server.start()
        try:
            yield GcsServer(f"http://localhost:{port}", server._storage)
        finally:
            server.stop()


def _only_if_asked_for(upload: Callable[..., None]) -> Callable[..., None]:
    """An upload that may be of new objects only, as `ifGenerationMatch=0` says."""
    lock = Lock()

    def upload_if(request: Any, response: Any, storage: Any) -> None:
        names = storage.objects.get(request.params["bucket_name"], {})
        with lock:
            if request.query.get("ifGenerationMatch") == ["0"] and request.data["meta"]["name"] in names:
                response.status = HTTPStatus.PRECONDITION_FAILED
            else:
                upload(request, response, storage)

    return upload_if


def _described(write_file: Callable[..., None]) -> Callable[..., None]:
    def write_described(response: Any, content: bytes, **named: Any) -> None:
        response["Last-Modified"] = formatdate(usegmt=True)
        response["ETag"] = f'"{hashlib.sha256(content).hexdigest()}"'
        write_file(response, content, **named)

    return write_described


def _close(response: Any) -> None:
    """Send the response; to a HEAD its headers alone."""
    handler, body = response._handler, response._content
    body = body.encode() if isinstance(body, str) else body
    handler.send_response(response.status.value, response.status.phrase)
    for name, value in {**response._headers, "Content-Length": str(len(body))}.items():
        handler.send_header(name, value)
    handler.end_headers()
    if handler.command != "HEAD":
        with suppress(BrokenPipeError):
            handler.wfile.write(body)
