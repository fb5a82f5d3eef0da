"""Fetching one source as a Job does, and what tests of every kind of source have to set up for it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from slipway_optimizer.errors import JobError
from slipway_optimizer.sources.fetch import Fetched, fetch, resolve
from slipway_optimizer.spec import Source

FIELD = "model.source"


def get(
    uri: str,
    folder: Path,
    sha256: str | None = None,
    *,
    resolved: str | None = None,
    on_bytes: Callable[[int, int | None], None] = lambda done, size: None,
) -> Fetched:
    return fetch(Source(uri=uri, sha256=sha256), FIELD, folder, on_bytes, resolved)


def failure(uri: str, folder: Path, sha256: str | None = None, *, resolved: str | None = None) -> JobError:
    """What a Job would report."""
    with pytest.raises(JobError) as caught:
        get(uri, folder, sha256, resolved=resolved)
    return caught.value


def id_of(uri: str) -> str:
    """What a look finds behind a URI."""
    return resolve(Source(uri=uri), FIELD)


def files_below(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def mount_secrets(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Path:
    """Where Secrets are mounted, as the cluster does it, and no pauses between tries; returns the source's own."""
    monkeypatch.setattr("slipway_optimizer.sources.patience.FIRST_PAUSE_SECONDS", 0.0)
    monkeypatch.setenv("SLIPWAY_SECRETS_DIR", str(folder))
    return folder / FIELD
