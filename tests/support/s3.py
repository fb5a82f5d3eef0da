"""A real S3 server on loopback: the versitygw that the bundled cluster runs, over a temporary folder."""

import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fsspec
from slipway_cluster.build import build_all
from slipway_cluster.paths import Layout
from slipway_cluster.programs import MODULES
from support.waiting import wait_until

BUCKET = "models"


@dataclass(frozen=True)
class ObjectStore:
    """Its address, its root user, and the folder in which objects lie as plain files."""

    endpoint: str
    folder: Path
    access_key: str = "slipway"
    secret_key: str = "slipway-secret"  # noqa: S105  the server lives as long as its test

    @property
    def environment(self) -> dict[str, str]:
        return {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": "us-east-1",
        }

    def write_secret(self, folder: Path, **changes: str) -> None:
        """The keys of a Secret as a mounted volume has them."""
        folder.mkdir(parents=True)
        for key, value in {**self.environment, **changes}.items():
            (folder / key).write_text(value)

    def filesystem(self) -> Any:
        return fsspec.filesystem(
            "s3",
            key=self.access_key,
            secret=self.secret_key,
            client_kwargs={"endpoint_url": self.endpoint, "region_name": "us-east-1"},
            skip_instance_cache=True,
            use_listings_cache=False,
        )

    def upload(self, path: Path, key: str) -> str:
        """Put a file into the bucket; returns its URI."""
        self.filesystem().put_file(str(path), f"{BUCKET}/{key}")
        return f"s3://{BUCKET}/{key}"

    def keys(self, prefix: str = "") -> list[str]:
        """Names of all objects below a prefix, relative to it."""
        root = f"{BUCKET}/{prefix}".rstrip("/")
        return sorted(key.removeprefix(f"{root}/") for key in self.filesystem().find(root))


@contextmanager
def object_store(folder: Path) -> Iterator[ObjectStore]:
    """Start the server; `folder` is empty and on a file system with extended attributes."""
    binary = _versitygw()
    port = _free_port()
    store = ObjectStore(f"http://127.0.0.1:{port}", folder)
    (folder / BUCKET).mkdir(parents=True)
    with (folder.parent / "versitygw.log").open("wb") as log:
        server = subprocess.Popen(_command(binary, port, store), stdout=log, stderr=subprocess.STDOUT)
        try:
            wait_until(lambda: _listens(port) or server.poll() is not None, seconds=20)
            assert server.poll() is None, f"versitygw did not start: {(folder.parent / 'versitygw.log').read_text()}"
            yield store
        finally:
            server.terminate()
            server.wait(10)


def _command(binary: Path, port: int, store: ObjectStore) -> Sequence[str]:
    user = ["--access", store.access_key, "--secret", store.secret_key]
    return [str(binary), "--port", f"127.0.0.1:{port}", *user, "posix", str(store.folder)]


def _versitygw() -> Path:
    layout = Layout()
    binary = layout.bin / "versitygw"
    if not binary.exists():
        build_all(layout, [module for module in MODULES if module.name == "versitygw"])
    return binary


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
