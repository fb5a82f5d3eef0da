"""Fetching: verified while it streams, tried again when the network fails, and one sentence when it cannot be."""

import os
import shutil

import pytest
from support.fetching import failure, get, id_of, mount_secrets
from support.http_source import Answer, cut, http_source, status

from slipway_contract.digest import hex_of, sha256_of_bytes
from slipway_optimizer.errors import InfrastructureError, UserError

BODY = os.urandom(3 << 20)
OTHER = os.urandom(3 << 20)


@pytest.fixture(scope="module")
def server():
    with http_source() as source:
        yield source


@pytest.fixture(autouse=True)
def secrets(tmp_path, monkeypatch):
    return mount_secrets(monkeypatch, tmp_path / "secrets")


def test_a_name_that_no_disk_takes_is_the_user_s_mistake(server, tmp_path):
    error = failure(server.serve(f"/{'n' * 256}.pth", BODY), tmp_path)
    assert (error.reason, "too long for a disk" in error.message) == ("UnsupportedSource", True)
    folder = tmp_path / "net"
    folder.mkdir()
    (folder / os.fsdecode(b"\xff.bin")).write_bytes(BODY)
    assert failure(f"{folder.as_uri()}/", tmp_path).reason == "UnsupportedSource"


def test_http_streams_to_disk_and_says_how_far_it_is(server, tmp_path):
    seen: list[tuple[int, int | None]] = []
    url = server.serve("/files/net.pth?version=3", BODY)
    fetched = get(url, tmp_path, on_bytes=lambda done, size: seen.append((done, size)))
    assert fetched.path.read_bytes() == BODY
    assert fetched.name == "net.pth"
    assert seen[-1] == (len(BODY), len(BODY))
    assert len(seen) > 1


def test_a_body_of_unknown_length(server, tmp_path):
    url = server.answer("/unsized", Answer(body=BODY, sized=False))
    assert get(url, tmp_path).digest == sha256_of_bytes(BODY)


def test_after_a_cut_it_goes_on_where_it_stopped(server, tmp_path):
    stored = Answer(body=BODY, etag='"v1"', ranges=True)
    broken = Answer(body=BODY, etag='"v1"', ranges=True, cut_after=1 << 20)
    url = server.answer("/resumed", stored, broken, status(503), stored)
    seen: list[int] = []
    fetched = get(url, tmp_path, on_bytes=lambda done, size: seen.append(done))
    assert fetched.path.read_bytes() == BODY
    assert fetched.digest == sha256_of_bytes(BODY)
    resumed = server.asked("/resumed")[-1]
    assert resumed.range_start == 1 << 20
    assert resumed.headers["if-range"] == '"v1"'
    assert seen == sorted(seen)


def test_many_cuts_are_no_reason_to_give_up_while_bytes_come(server, tmp_path):
    step = len(BODY) // 12
    cuts = [Answer(body=BODY, etag='"v1"', ranges=True, cut_after=step * number) for number in range(1, 13)]
    whole_file = Answer(body=BODY, etag='"v1"', ranges=True)
    url = server.answer("/bad-line", whole_file, *cuts, whole_file)
    assert get(url, tmp_path).digest == sha256_of_bytes(BODY)


@pytest.mark.parametrize(
    "again",
    [
        pytest.param(Answer(body=BODY, etag='"v1"'), id="no ranges"),
        pytest.param(Answer(body=BODY, etag='W/"v1"', ranges=True), id="a weak tag"),
        pytest.param(Answer(body=BODY, ranges=True), id="no tag"),
    ],
)
def test_where_nothing_vouches_for_the_bytes_it_starts_again(server, tmp_path, again):
    broken = Answer(body=BODY, etag=again.etag, ranges=again.ranges, cut_after=1 << 20)
    url = server.answer("/again", again, broken, again)
    assert get(url, tmp_path).path.read_bytes() == BODY


@pytest.mark.parametrize("ranges", [True, False])
def test_two_versions_are_never_mixed(server, tmp_path, ranges):
    old = Answer(body=BODY, etag='"v1"', ranges=ranges)
    broken = Answer(body=BODY, etag='"v1"', ranges=ranges, cut_after=1 << 20)
    new = Answer(body=OTHER, etag='"v2"', ranges=ranges)
    url = server.answer("/replaced", old, broken, new)
    assert get(url, tmp_path).path.read_bytes() == OTHER
    url = server.answer("/replaced-too", old, broken, new)
    error = failure(url, tmp_path, resolved="etag:v1")
    assert isinstance(error, InfrastructureError)
    assert error.reason == "SourceChanged"


def test_a_source_that_never_holds_still(server, tmp_path):
    versions = [Answer(body=os.urandom(1000), etag=f'"v{number}"') for number in range(10)]
    error = failure(server.answer("/restless", *versions), tmp_path)
    assert isinstance(error, InfrastructureError)
    assert error.reason == "SourceChanged"
    assert "was replaced each of 3 times" in error.message


def test_other_bytes_than_those_that_were_resolved_are_not_downloaded(server, tmp_path):
    url = server.answer("/moved-on", Answer(body=BODY, etag='"v2"'))
    error = failure(url, tmp_path, resolved="etag:v1")
    assert error.reason == "SourceChanged"
    assert "etag:v2" in error.message
    assert len(server.asked("/moved-on")) == 1
    assert get(url, tmp_path, resolved="etag:v2").digest == sha256_of_bytes(BODY)


def test_a_digest_decides_where_the_server_names_no_version(server, tmp_path):
    url = server.serve("/nameless", BODY)
    assert id_of(url) == sha256_of_bytes(BODY)
    assert get(url, tmp_path, resolved=sha256_of_bytes(BODY)).digest == sha256_of_bytes(BODY)
    assert failure(url, tmp_path, resolved=sha256_of_bytes(OTHER)).reason == "SourceChanged"


def test_a_pinned_source_needs_no_other_id(server, tmp_path):
    url = server.answer("/pinned", Answer(body=BODY, etag='"v2"'))
    assert get(url, tmp_path, hex_of(sha256_of_bytes(BODY)), resolved="etag:v1").digest == sha256_of_bytes(BODY)


@pytest.mark.parametrize(
    ("tag", "expected"),
    [('"5f-2"', "etag:5f-2"), ('W/"5f"', sha256_of_bytes(BODY)), (None, sha256_of_bytes(BODY))],
    ids=["a tag", "a weak tag", "none"],
)
def test_what_a_url_is_resolved_to(server, tag, expected):
    url = server.answer("/resolved", Answer(body=BODY, etag=tag))
    assert id_of(url) == expected


def test_odd_and_long_tags_become_ids_too(server):
    url = server.answer("/odd", Answer(body=BODY, etag='"' + "x" * 500 + '"'))
    assert id_of(url).startswith("etag:")
    assert len(id_of(url)) < 100


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
    url = server.answer(f"/{reason}/{answer.status}", answer)
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
    assert len(server.asked("/once")) == 1


@pytest.mark.parametrize(
    ("secret", "header"),
    [
        ({"HTTP_BEARER_TOKEN": "t0ken"}, "Bearer t0ken"),
        ({"HTTP_USERNAME": "me", "HTTP_PASSWORD": "pass"}, "Basic bWU6cGFzcw=="),
    ],
)
def test_credentials_of_a_server_come_from_the_field_s_secret(server, tmp_path, secrets, secret, header):
    secrets.mkdir(parents=True)
    url = server.answer("/private", Answer(body=BODY, needs=header))
    assert failure(url, tmp_path).reason == "SourceAccessDenied"
    for key, value in secret.items():
        (secrets / key).write_text(f"{value}\n")
    assert get(url, tmp_path).digest == sha256_of_bytes(BODY)


def test_other_bytes_than_the_spec_says(server, tmp_path):
    error = failure(server.serve("/net.pth", BODY), tmp_path, sha256="0" * 64)
    assert error.reason == "SourceDigestMismatch"
    assert sha256_of_bytes(BODY) in error.message
    assert "the spec says sha256:000" in error.message


def test_a_download_that_would_not_fit_is_not_begun(server, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)._replace(free=1 << 20)
    monkeypatch.setattr("slipway_optimizer.sources.space.shutil.disk_usage", lambda path: usage)
    url = server.serve("/large", BODY)
    error = failure(url, tmp_path)
    assert isinstance(error, InfrastructureError)
    assert error.reason == "DiskFull"
    assert f"{url} has 3 MiB, and 1 MiB are free" in error.message
    assert len(server.asked("/large")) == 1


@pytest.mark.parametrize("uri", ["ftp://host/net.pth", "net.pth", "/models/net.pth"])
def test_a_scheme_that_is_not_supported(tmp_path, uri):
    error = failure(uri, tmp_path)
    assert error.reason == "UnsupportedSource"
    assert "s3://, gs://, az://, hf://, oci://" in error.message


@pytest.mark.parametrize(
    "uri",
    [
        *("https://host/folder/", "oci://registry/net/", "hf://justname", "http://host:port/net.pth", "oci://"),
        *("s3://nets/net.pth?versionId=", "s3://nets/net.pth?versionId=a&b=c", "s3://nets/all/?versionId=a1"),
        "az://nets/net.pth?versionid=2026-01-01",
    ],
)
def test_a_uri_that_names_nothing(tmp_path, uri):
    assert failure(uri, tmp_path).reason == "UnsupportedSource"


@pytest.mark.parametrize("uri", ["https://me:pass@host/net.pth", "http://t0ken@host/a", "oci://me:pass@host/net:v1"])
def test_credentials_belong_in_a_secret(tmp_path, uri):
    error = failure(uri, tmp_path)
    assert error.reason == "UnsupportedSource"
    assert "put them into the Secret that secretRef names" in error.message
