"""Digests as `sha256:<hex>`, and the canonical JSON that they are taken over."""

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import StringConstraints

CHUNK_BYTES = 1 << 20

Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]


def sha256_of_bytes(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def sha256_of_file(path: Path) -> str:
    """Digest of a file's bytes, read in chunks."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return "sha256:" + digest.hexdigest()


def sha256_of_json(value: Any) -> str:
    """Digest of a JSON value: sorted keys, no spaces, UTF-8."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return sha256_of_bytes(text.encode())


def hex_of(digest: str) -> str:
    """The hexadecimal part, which names an artifact's folder in the store."""
    return digest.removeprefix("sha256:")
