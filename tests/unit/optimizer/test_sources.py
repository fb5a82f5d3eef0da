"""Fetching: verified while it streams, tried again when the network fails, and one sentence when it cannot be."""

import os
from pathlib import Path

import pytest
from support.http_source import cut, http_source, status, whole

from slipway_contract.digest import hex_of, sha256_of_bytes
from slipway_optimizer.errors import InfrastructureError, JobError, UserError
from slipway_optimizer.sources.fetch import fetch
from slipway_optimizer.spec import Source

BODY = os.urandom(3 << 20)


@pytest.fixture(scope="module")
def server():
    with http_source() as source:
        yield source


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr("slipway_optimizer.sources.fetch.BACK_OFF_SECONDS", (0.0, 0.0))


def get(uri: str, folder: Path, sha256: str | None = None, on_bytes=lambda done, size: None):
    return fetch(Source(uri=uri, sha256=sha256), "source", folder, on_bytes)


def failure(uri: str, folder: Path, sha256: str | None = None) -> JobError:
    with pytest.raises(JobError) as caught:
        get(uri, folder, sha256)
    return caught.value


def test_a_file_is_not_copied(tmp_path):
    path = tmp_path / "net weights.pth"
    path.write_bytes(BODY)
    fetched = get(path.as_uri(), tmp_path / "scratch", sha256=hex_of(sha256_of_bytes(BODY)))
    assert (fetched.path, fetched.name, fetched.digest) == (path, "net weights.pth", sha256_of_bytes(BODY))


def test_a_claim_is_a_folder_below_the_sources(tmp_path, monkeypatch):
    monkeypatch.setenv("SLIPWAY_SOURCES_DIR", str(tmp_path))
    (tmp_path / "models/deep").mkdir(parents=True)
    (tmp_path / "models/deep/net.pth").write_bytes(BODY)
    assert get("pvc://models/deep/net.pth", tmp_path).digest == sha256_of_bytes(BODY)
    assert failure("pvc://models/deep", tmp_path).reason == "SourceNotFound"
    assert failure("pvc://models/../other/net.pth", tmp_path).reason == "UnsupportedSource"


def test_http_streams_to_disk_and_says_how_far_it_is(server, tmp_path):
    seen: list[tuple[int, int | None]] = []
    url = server.serve("/files/net.pth?version=3", BODY)
    fetched = get(url, tmp_path, on_bytes=lambda done, size: seen.append((done, size)))
    assert fetched.path.read_bytes() == BODY
    assert fetched.name == "net.pth"
    assert seen[-1] == (len(BODY), len(BODY))
    assert len(seen) > 1


def test_a_cut_connection_is_tried_again(server, tmp_path):
    url = server.answer("/cut", cut(BODY, 1 << 20), status(503), whole(BODY))
    assert get(url, tmp_path).path.read_bytes() == BODY
    assert server.asked.count("/cut") >= 3


@pytest.mark.parametrize(
    ("answer", "kind", "reason"),
    [
        (status(404), UserError, "SourceNotFound"),
        (status(410), UserError, "SourceNotFound"),
        (status(401), UserError, "SourceAccessDenied"),
        (status(403), UserError, "SourceAccessDenied"),
        (status(429), InfrastructureError, "SourceUnavailable"),
        (status(500), InfrastructureError, "SourceUnavailable"),
        (cut(BODY, 100), InfrastructureError, "SourceUnavailable"),
    ],
)
def test_what_a_server_says_decides_who_is_at_fault(server, tmp_path, answer, kind, reason):
    url = server.answer(f"/{reason}/{answer[0]}", answer)
    error = failure(url, tmp_path)
    assert isinstance(error, kind)
    assert error.reason == reason
    assert url in error.message


def test_nobody_listens(tmp_path):
    with http_source() as gone:
        url = gone.serve("/net.pth", BODY)
    error = failure(url, tmp_path)
    assert isinstance(error, InfrastructureError)
    assert error.reason == "SourceUnavailable"


def test_a_user_s_mistake_is_not_tried_again(server, tmp_path):
    failure(server.answer("/once", status(404)), tmp_path)
    assert server.asked.count("/once") == 1


def test_other_bytes_than_the_spec_says(server, tmp_path):
    error = failure(server.serve("/net.pth", BODY), tmp_path, sha256="0" * 64)
    assert error.reason == "SourceDigestMismatch"
    assert sha256_of_bytes(BODY) in error.message
    assert "the spec says sha256:000" in error.message


@pytest.mark.parametrize("uri", ["ftp://host/net.pth", "net.pth", "/models/net.pth"])
def test_a_scheme_that_is_not_supported(tmp_path, uri):
    error = failure(uri, tmp_path)
    assert error.reason == "UnsupportedSource"
    assert "s3:// and pvc://" in error.message


def test_a_file_that_is_not_there(tmp_path):
    assert failure((tmp_path / "absent").as_uri(), tmp_path).reason == "SourceNotFound"
