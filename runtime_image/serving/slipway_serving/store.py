"""The artifact store as a filesystem: a directory, or a bucket with credentials from a mounted Secret."""

import os
from pathlib import Path
from typing import Any

import fsspec
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError

_SECRETS_DIR = "/var/run/secrets/slipway"
_SERVER_ERROR = 500
_TRANSIENT_STATUSES = {408, 425, 429}


def open_store(uri: str) -> tuple[Any, str]:
    """Filesystem and path of a directory or URI (`/store/x`, `file:///store/x`, `s3://bucket/prefix/x`)."""
    options = s3_options() if uri.startswith("s3://") else {}
    filesystem, path = fsspec.url_to_fs(uri, **options)
    return filesystem, str(path).rstrip("/")


def s3_options() -> dict[str, Any]:
    """Arguments of the S3 filesystem; what neither the Secret nor the environment has is left to the AWS defaults."""
    client = {"endpoint_url": credential("AWS_ENDPOINT_URL"), "region_name": credential("AWS_REGION")}
    return {
        "key": credential("AWS_ACCESS_KEY_ID"),
        "secret": credential("AWS_SECRET_ACCESS_KEY"),
        "token": credential("AWS_SESSION_TOKEN"),
        "client_kwargs": {key: value for key, value in client.items() if value},
        "skip_instance_cache": True,
        "use_listings_cache": False,
    }


def credential(key: str) -> str | None:
    """A key of the store's Secret, one file each; else of the environment."""
    file = Path(os.environ.get("SLIPWAY_SECRETS_DIR", _SECRETS_DIR)) / "store" / key
    if file.is_file():
        return file.read_text().strip() or None
    return os.environ.get(key) or None


def is_missing(error: Exception) -> bool:
    return isinstance(error, FileNotFoundError | NotADirectoryError | IsADirectoryError)


def is_denied(error: Exception) -> bool:
    return isinstance(error, PermissionError | NoCredentialsError | PartialCredentialsError) or _status(error) in (
        401,
        403,
    )


def is_transient(error: Exception) -> bool:
    """Another try may succeed: no connection, a cut one, a busy or broken server."""
    if is_missing(error) or is_denied(error):
        return False
    status = _status(error)
    if status is not None:
        return status >= _SERVER_ERROR or status in _TRANSIENT_STATUSES
    return isinstance(error, ConnectionError | TimeoutError | BotoCoreError | ClientError) or (
        isinstance(error, OSError) and error.errno is None
    )


def _status(error: Exception) -> int | None:
    cause = error if isinstance(error, ClientError) else error.__cause__
    if isinstance(cause, ClientError):
        return int(cause.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)) or None
    return None
