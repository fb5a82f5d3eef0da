"""A real S3 server on loopback: the versitygw that the bundled cluster runs, over a temporary folder."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fsspec
from support.local_server import free_port, program, running

BUCKET = "models"
VERSIONED = "versions"


@dataclass(frozen=True)
class ObjectStore:
    """Its address, its root user, and the folder in which objects lie as plain files."""

    endpoint: str
    folder: Path
    access_key: str = "slipway"
    secret_key: str = "slipway-secret"  # noqa: S105  the server lives as long as its test

    @property
    def port(self) -> int:
        return int(self.endpoint.rsplit(":", 1)[1])

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

    @property
    def root(self) -> str:
        return f"s3://{BUCKET}"

    def write(self, key: str, content: bytes) -> str:
        """Put an object into the bucket; returns its URI."""
        self.filesystem().pipe_file(f"{BUCKET}/{key}", content)
        return f"{self.root}/{key}"

    def read(self, key: str) -> bytes:
        return bytes(self.filesystem().cat_file(f"{BUCKET}/{key}"))

    def remove(self, key: str) -> None:
        self.filesystem().rm_file(f"{BUCKET}/{key}")

    def make_old(self, key: str, seconds: float) -> None:
        """As if an object had been written so long ago; the server takes times from its files."""
        path = self.folder / BUCKET / key
        then = path.stat().st_mtime - seconds
        os.utime(path, (then, then))

    def upload(self, path: Path, key: str) -> str:
        """Put a file into the bucket; returns its URI."""
        self.filesystem().put_file(str(path), f"{BUCKET}/{key}")
        return f"s3://{BUCKET}/{key}"

    def upload_versions(self, key: str, *contents: bytes) -> list[str]:
        """Write an object of another bucket, which keeps every version of it; returns the versions' URIs."""
        filesystem = self.filesystem()
        (self.folder / VERSIONED).mkdir(exist_ok=True)
        filesystem.make_bucket_versioned(VERSIONED)
        versions = [filesystem.call_s3("put_object", Bucket=VERSIONED, Key=key, Body=body) for body in contents]
        return [f"s3://{VERSIONED}/{key}?versionId={version['VersionId']}" for version in versions]

    def keys(self, prefix: str = "") -> list[str]:
        """Names of all objects below a prefix, relative to it."""
        root = f"{BUCKET}/{prefix}".rstrip("/")
        return sorted(key.removeprefix(f"{root}/") for key in self.filesystem().find(root))


@contextmanager
def object_store(folder: Path, port: int | None = None) -> Iterator[ObjectStore]:
    """Start the server; `folder` is on a file system with extended attributes, and empty but for its own objects."""
    port = port or free_port()
    store = ObjectStore(f"http://127.0.0.1:{port}", folder)
    (folder / BUCKET).mkdir(parents=True, exist_ok=True)
    versions = folder.with_name(f"{folder.name}-versions")
    versions.mkdir(exist_ok=True)
    user = ["--access", store.access_key, "--secret", store.secret_key]
    kept = ["posix", "--versioning-dir", str(versions), str(folder)]
    argv = [str(program("versitygw")), "--port", f"127.0.0.1:{port}", *user, *kept]
    with running(argv, port, folder.parent / "versitygw.log"):
        yield store
