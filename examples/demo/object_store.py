"""The user's side of S3: upload files, and leave the credentials in a Secret."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import s3fs

from demo.shell import STATE, apply, is_bundled, say

SECRET = "object-store"  # noqa: S105  the name of a Secret


@dataclass(frozen=True)
class ObjectStore:
    endpoint: str  # as pods reach it
    host_endpoint: str  # as this machine reaches it
    access_key: str
    secret_key: str
    bucket: str


def object_store() -> ObjectStore:
    """The bundled cluster's S3 server, or the one that the environment names."""
    path = STATE / "s3.json"
    if is_bundled() and path.exists():
        facts = json.loads(path.read_text())
        return ObjectStore(
            facts["endpoint"], facts["hostEndpoint"], facts["accessKey"], facts["secretKey"], facts["bucket"]
        )
    try:
        endpoint = os.environ["AWS_ENDPOINT_URL"]
        return ObjectStore(
            endpoint,
            os.environ.get("AWS_ENDPOINT_URL_FROM_HERE", endpoint),
            os.environ["AWS_ACCESS_KEY_ID"],
            os.environ["AWS_SECRET_ACCESS_KEY"],
            "models",
        )
    except KeyError as missing:
        raise SystemExit(
            f"set {missing}: the demo needs AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY of an S3 server "
            "that holds a bucket `models`"
        ) from None


def filesystem(store: ObjectStore) -> s3fs.S3FileSystem:
    return s3fs.S3FileSystem(
        key=store.access_key, secret=store.secret_key, endpoint_url=store.host_endpoint, skip_instance_cache=True
    )


def upload(folder: Path, prefix: str) -> None:
    store = object_store()
    files = filesystem(store)
    for path in sorted(folder.iterdir()):
        files.put_file(str(path), f"{store.bucket}/{prefix}/{path.name}")
        say(f"uploaded {path.name} ({path.stat().st_size / 1e6:.1f} MB) to s3://{store.bucket}/{prefix}/")


def credentials_secret(namespace: str) -> dict[str, Any]:
    store = object_store()
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": SECRET, "namespace": namespace},
        "stringData": {
            "AWS_ACCESS_KEY_ID": store.access_key,
            "AWS_SECRET_ACCESS_KEY": store.secret_key,
            "AWS_ENDPOINT_URL": store.endpoint,
            "AWS_REGION": "us-east-1",
        },
    }


def create_credentials(namespace: str) -> None:
    apply(credentials_secret(namespace))
