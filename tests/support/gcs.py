"""A GCS server on loopback: the emulator that speaks its JSON API, in memory."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import httpx
from gcp_storage_emulator.server import create_server
from support.local_server import free_port

BUCKET = "models"


@dataclass(frozen=True)
class GcsServer:
    endpoint: str

    def write(self, key: str, content: bytes) -> str:
        """Put an object into the bucket; returns its URI."""
        url = f"{self.endpoint}/upload/storage/v1/b/{BUCKET}/o"
        httpx.post(url, params={"uploadType": "media", "name": key}, content=content).raise_for_status()
        return f"gs://{BUCKET}/{key}"

    def remove(self, key: str) -> None:
        httpx.delete(f"{self.endpoint}/storage/v1/b/{BUCKET}/o/{quote(key, safe='')}")

    def write_secret(self, folder: Path) -> None:
        """The keys of a Secret as a mounted volume has them."""
        folder.mkdir(parents=True)
        (folder / "STORAGE_EMULATOR_HOST").write_text(self.endpoint)


@contextmanager
def gcs_server() -> Iterator[GcsServer]:
    port = free_port()
    server = create_server("localhost", port, in_memory=True, default_bucket=BUCKET)
    server.start()
    try:
        yield GcsServer(f"http://localhost:{port}")
    finally:
        server.stop()
