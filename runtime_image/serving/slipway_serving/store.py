"""The artifact store as a filesystem: a directory, or a bucket with credentials from a mounted Secret.

S3 has its own driver, which finds a bucket's region by itself. GCS and Azure share a small one: their own are several
times its size, and would be in every serving image for the few seconds in which an artifact is fetched.
"""

import os
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import fsspec
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError

_SECRETS_DIR = "/var/run/secrets/slipway"
_SERVER_ERROR = 500
_TRANSIENT_STATUSES = {408, 425, 429}
# Of the small driver, by name: it is imported only where it is used.
_DENIED: Final = {"PermissionDeniedError", "UnauthenticatedError"}
_TRANSIENT: Final = "GenericError"


def open_store(uri: str) -> tuple[Any, str]:
    """Filesystem and path of a directory or URI.

    Such as `/store/x`, `file:///store/x`, `s3://bucket/prefix/x`, `gs://bucket/x` or `az://container/x`.
    """
    scheme, _, rest = uri.partition("://")
    if scheme in {"gs", "az"}:
        from slipway_serving.bucket import Bucket  # noqa: PLC0415 (only these schemes need its driver)

        return Bucket(scheme, gcs_options() if scheme == "gs" else azure_options()), rest.rstrip("/")
    options = s3_options() if scheme == "s3" else {}
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


def gcs_options() -> dict[str, Any]:
    """Arguments of the GCS filesystem; with neither key nor endpoint, Google's own defaults apply."""
    key_file, endpoint = _credential_file("GOOGLE_APPLICATION_CREDENTIALS"), credential("STORAGE_EMULATOR_HOST")
    options = {"application_credentials": str(key_file) if key_file else None, "base_url": endpoint}
    return _given(options) | ({"skip_signature": True} if endpoint and not key_file else {})


def azure_options() -> dict[str, Any]:
    """Arguments of the Azure filesystem; with a connection string nothing else counts."""
    connection = credential("AZURE_STORAGE_CONNECTION_STRING")
    if connection:
        return _of_connection(dict(part.split("=", 1) for part in connection.split(";") if "=" in part))
    names = ("account_name", "account_key", "client_id", "client_secret", "tenant_id")
    options = {name: credential(f"AZURE_STORAGE_{name.upper()}") for name in names}
    return _given(options | {"sas_key": credential("AZURE_STORAGE_SAS_TOKEN")})


def _of_connection(fields: dict[str, str]) -> dict[str, Any]:
    suffix, scheme = fields.get("EndpointSuffix", "core.windows.net"), fields.get("DefaultEndpointsProtocol", "https")
    endpoint = fields.get("BlobEndpoint", f"{scheme}://{fields.get('AccountName')}.blob.{suffix}")
    options = {
        "account_name": fields.get("AccountName") or str(urlsplit(endpoint).hostname).partition(".")[0],
        "account_key": fields.get("AccountKey"),
        "sas_key": fields.get("SharedAccessSignature"),
        "endpoint": endpoint.rstrip("/"),
    }
    return _given(options)


def credential(key: str) -> str | None:
    """A key of the store's Secret, one file each; else of the environment."""
    file = _secret_file(key)
    if file.is_file():
        return file.read_text().strip() or None
    return os.environ.get(key) or None


def is_missing(error: Exception) -> bool:
    return isinstance(error, FileNotFoundError | NotADirectoryError | IsADirectoryError)


def is_denied(error: Exception) -> bool:
    if isinstance(error, PermissionError | NoCredentialsError | PartialCredentialsError):
        return True
    return _name_in_small_driver(error) in _DENIED or _status(error) in (401, 403)


def is_transient(error: Exception) -> bool:
    """Another try may succeed: no connection, a cut one, a busy or broken server."""
    if is_missing(error) or is_denied(error):
        return False
    status = _status(error)
    if status is not None:
        return status >= _SERVER_ERROR or status in _TRANSIENT_STATUSES
    if _name_in_small_driver(error) == _TRANSIENT:
        return True
    return isinstance(error, ConnectionError | TimeoutError | BotoCoreError | ClientError) or (
        isinstance(error, OSError) and error.errno is None
    )


def _name_in_small_driver(error: Exception) -> str | None:
    kind = type(error)
    return kind.__name__ if kind.__module__.startswith("obstore") else None


def _credential_file(key: str) -> Path | None:
    file = _secret_file(key)
    return file if file.is_file() else None


def _secret_file(key: str) -> Path:
    return Path(os.environ.get("SLIPWAY_SECRETS_DIR", _SECRETS_DIR)) / "store" / key


def _given(options: dict[str, str | None]) -> dict[str, Any]:
    return {key: value for key, value in options.items() if value}


def _status(error: Exception) -> int | None:
    cause = error if isinstance(error, ClientError) else error.__cause__
    if isinstance(cause, ClientError):
        return int(cause.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)) or None
    return None
