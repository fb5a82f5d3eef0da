"""Credentials: a Secret's keys, one file each, else the environment."""

import os
from pathlib import Path
from typing import Any, Literal

Purpose = Literal["source", "code", "store", "data"]


def credential(purpose: Purpose, key: str) -> str | None:
    """The value of `key` for a purpose, from the mounted Secret or the environment."""
    root = Path(os.environ.get("SLIPWAY_SECRETS_DIR", "/var/run/secrets/slipway"))
    file = root / purpose / key
    if file.is_file():
        return file.read_text().strip() or None
    return os.environ.get(key) or None


def s3_options(purpose: Purpose) -> dict[str, Any]:
    """Arguments of `fsspec.filesystem("s3", …)` for a purpose."""
    client = {"endpoint_url": credential(purpose, "AWS_ENDPOINT_URL"), "region_name": credential(purpose, "AWS_REGION")}
    return {
        "key": credential(purpose, "AWS_ACCESS_KEY_ID"),
        "secret": credential(purpose, "AWS_SECRET_ACCESS_KEY"),
        "token": credential(purpose, "AWS_SESSION_TOKEN"),
        "client_kwargs": {key: value for key, value in client.items() if value},
        "skip_instance_cache": True,
    }
