"""Credentials: a Secret's keys, one file each, else the environment."""

import os
from pathlib import Path
from typing import Any

STORE = "store"


class Credentials:
    """The keys of the Secret that is mounted for one source (named by its field in the spec) or for the store."""

    def __init__(self, mount: str) -> None:
        root = Path(os.environ.get("SLIPWAY_SECRETS_DIR", "/var/run/secrets/slipway"))
        self._folder = root / mount

    def get(self, key: str) -> str | None:
        """The value of a key, from the mounted Secret or the environment."""
        file = self._folder / key
        if file.is_file():
            return file.read_text().strip() or None
        return os.environ.get(key) or None

    def path(self, key: str) -> str | None:
        """The path of a file: the mounted key itself, or the file that the environment names."""
        file = self._folder / key
        return str(file) if file.is_file() else os.environ.get(key) or None


def s3_options(credentials: Credentials) -> dict[str, Any]:
    """Arguments of `fsspec.filesystem("s3", …)`."""
    client = {"endpoint_url": credentials.get("AWS_ENDPOINT_URL"), "region_name": credentials.get("AWS_REGION")}
    return {
        "key": credentials.get("AWS_ACCESS_KEY_ID"),
        "secret": credentials.get("AWS_SECRET_ACCESS_KEY"),
        "token": credentials.get("AWS_SESSION_TOKEN"),
        "client_kwargs": _given(client),
    }


def gcs_options(credentials: Credentials) -> dict[str, Any]:
    """Arguments of `fsspec.filesystem("gcs", …)`; with neither key nor endpoint, Google's own defaults apply."""
    endpoint = credentials.get("STORAGE_EMULATOR_HOST")
    key_file = credentials.path("GOOGLE_APPLICATION_CREDENTIALS")
    return {"endpoint_url": endpoint, "token": key_file or ("anon" if endpoint else None)}


def azure_options(credentials: Credentials) -> dict[str, Any]:
    """Arguments of `fsspec.filesystem("az", …)`; with a connection string nothing else counts."""
    options = {
        "connection_string": credentials.get("AZURE_STORAGE_CONNECTION_STRING"),
        "account_name": credentials.get("AZURE_STORAGE_ACCOUNT_NAME"),
        "account_key": credentials.get("AZURE_STORAGE_ACCOUNT_KEY"),
        "sas_token": credentials.get("AZURE_STORAGE_SAS_TOKEN"),
        "client_id": credentials.get("AZURE_STORAGE_CLIENT_ID"),
        "client_secret": credentials.get("AZURE_STORAGE_CLIENT_SECRET"),
        "tenant_id": credentials.get("AZURE_STORAGE_TENANT_ID"),
    }
    return _given(options)


def _given(options: dict[str, str | None]) -> dict[str, str]:
    return {key: value for key, value in options.items() if value}
