"""`oci://` where a real registry does not go wrong by itself: cuts, damage, tokens, names that lead elsewhere."""

import hashlib
import io
import json
import os

import pytest
import requests
from support.fetching import failure, get, id_of, mount_secrets
from support.http_source import Answer, http_source

from slipway_contract.digest import sha256_of_bytes
from slipway_optimizer.errors import JobError

WEIGHTS = os.urandom(3 << 20)


@pytest.fixture(scope="module")
def server():
    with http_source() as source:
        yield source


@pytest.fixture(autouse=True)
def secret(tmp_path, monkeypatch):
    folder = mount_secrets(monkeypatch, tmp_path / "secrets")
    folder.mkdir(parents=True)
    return folder


def layer(content, title):
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    return {"digest": digest, "size": len(content), "annotations": {"org.opencontainers.image.title": title}}


def blob_path(content):
    return f"/v2/nets/net/blobs/{layer(content, '')['digest']}"


def push(server, layers, **kind):
    """Serve a manifest; returns the artifact's URI."""
    body = json.dumps({"schemaVersion": 2, "layers": layers}).encode()
    url = server.answer("/v2/nets/net/manifests/v1", Answer(body=body, **kind))
    return url.replace("http://", "oci://").replace("/v2/", "/").replace("/manifests/", ":")


def test_after_a_cut_it_goes_on_where_it_stopped(server, tmp_path):
    uri = push(server, [layer(WEIGHTS, "net.onnx")])
    broken = Answer(body=WEIGHTS, ranges=True, cut_after=1 << 20)
    server.answer(blob_path(WEIGHTS), broken, Answer(body=WEIGHTS, ranges=True))
    assert get(uri, tmp_path).digest == sha256_of_bytes(WEIGHTS)
    assert server.asked(blob_path(WEIGHTS))[-1].range_start == 1 << 20


def test_a_layer_that_arrives_damaged_is_not_taken(server, tmp_path):
    uri = push(server, [layer(WEIGHTS, "net.onnx")])
    server.answer(blob_path(WEIGHTS), Answer(body=WEIGHTS[:-1] + bytes([WEIGHTS[-1] ^ 1]), ranges=True))
    assert failure(uri, tmp_path).reason == "SourceUnavailable"


@pytest.mark.parametrize(
    ("title", "said"),
    [
        ("../../etc/cron.d/job", "no path below a folder"),
        ("/etc/cron.d/job", "no path below a folder"),
        ("config.json", "twice"),
        ("config.json/deep", "as a file and as a folder"),
    ],
)
def test_names_that_lead_elsewhere_are_refused_before_anything_is_written(server, tmp_path, title, said):
    error = failure(push(server, [layer(b"{}", "config.json"), layer(WEIGHTS, title)]), tmp_path / "scratch")
    assert error.reason == "UnsupportedSource"
    assert said in error.message
    assert not (tmp_path / "scratch").exists()


@pytest.mark.parametrize("secret_keys", [{}, {"OCI_USERNAME": "me", "OCI_PASSWORD": "pass"}])
def test_a_registry_that_hands_out_tokens(server, tmp_path, secret, secret_keys):
    for key, value in secret_keys.items():
        (secret / key).write_text(value)
    needed = "Basic bWU6cGFzcw==" if secret_keys else None
    token = server.answer(
        "/token?service=registry&scope=repository%3Anets%2Fnet%3Apull", Answer(body=b'{"token": "t0ken"}', needs=needed)
    )
    realm = token.partition("?")[0]
    challenge = f'Bearer realm="{realm}",service="registry",scope="repository:nets/net:pull"'
    uri = push(server, [layer(WEIGHTS, "net.onnx")], needs="Bearer t0ken", challenge=challenge)
    server.answer(blob_path(WEIGHTS), Answer(body=WEIGHTS, ranges=True, needs="Bearer t0ken", challenge=challenge))
    assert get(uri, tmp_path).digest == sha256_of_bytes(WEIGHTS)


def test_the_login_is_that_of_the_registry_however_its_key_is_written(server, tmp_path, secret):
    uri = push(server, [layer(WEIGHTS, "net.onnx")], needs="Basic bWU6cGFzcw==", challenge="Basic realm=registry")
    server.answer(
        blob_path(WEIGHTS), Answer(body=WEIGHTS, needs="Basic bWU6cGFzcw==", challenge="Basic realm=registry")
    )
    host = uri.removeprefix("oci://").partition("/")[0]
    auths = {"https://other/": {"auth": "eDp5"}, f"http://{host}/v2/": {"username": "me", "password": "pass"}}
    (secret / ".dockerconfigjson").write_text(json.dumps({"auths": auths}))
    assert get(uri, tmp_path).digest == sha256_of_bytes(WEIGHTS)


@pytest.fixture
def asked(monkeypatch):
    """What is asked of registries that nobody should reach from a test; the first answer is a challenge."""
    requests_made = []

    def get(session, url, headers=None, **_):
        requests_made.append((url, headers or {}))
        if len(requests_made) > 1:
            raise PermissionError
        response = requests.Response()
        response.status_code, response.raw = 401, io.BytesIO()
        response.headers["Www-Authenticate"] = "Basic realm=registry"
        return response

    monkeypatch.setattr("requests.Session.get", get)
    return requests_made


@pytest.mark.parametrize("host", ["registry", "localhost", "registry.models.svc:5000"])
def test_what_comes_first_is_the_registry(asked, host):
    with pytest.raises(JobError):
        id_of(f"oci://{host}/my.org/net:v1")
    assert [url.partition("://")[2] for url, _ in asked] == [f"{host}/v2/my.org/net/manifests/v1"]


@pytest.mark.parametrize("host", ["docker.io", "index.docker.io", "registry-1.docker.io"])
@pytest.mark.parametrize(("name", "path"), [("org/net:v1", "org/net"), ("net:v1", "library/net")])
def test_docker_hub_has_several_names(asked, secret, host, name, path):
    # As `kubectl create secret docker-registry` writes it.
    auths = {"https://index.docker.io/v1/": {"username": "me", "password": "pass"}}
    (secret / ".dockerconfigjson").write_text(json.dumps({"auths": auths}))
    with pytest.raises(JobError):
        id_of(f"oci://{host}/{name}")
    assert [url for url, _ in asked] == [f"https://registry-1.docker.io/v2/{path}/manifests/v1"] * 2
    assert asked[1][1]["Authorization"] == "Basic bWU6cGFzcw=="


def test_an_index_of_several_platforms_is_no_artifact(server, tmp_path):
    error = failure(push(server, []), tmp_path)
    assert error.reason == "UnsupportedSource"
    assert "oras push" in error.message


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"digest": "sha512:" + "0" * 128}, "only sha256 is verified"),
        ({"annotations": {"x": "y" * (5 << 20)}}, "4 MiB"),
    ],
)
def test_what_could_not_be_verified_or_held_in_memory_is_refused(server, tmp_path, other, said):
    error = failure(push(server, [layer(WEIGHTS, "net.onnx") | other]), tmp_path)
    assert error.reason == "UnsupportedSource"
    assert said in error.message


def test_a_manifest_that_is_none_is_asked_for_again(server, tmp_path):
    uri = push(server, [layer(WEIGHTS, "net.onnx")])
    server.answer("/v2/nets/net/manifests/v1", Answer(body=b"<html>"))
    assert failure(uri, tmp_path).reason == "SourceUnavailable"


def test_a_secret_that_holds_something_else(server, tmp_path, secret):
    (secret / ".dockerconfigjson").write_text("{not json")
    error = failure(push(server, [layer(WEIGHTS, "net.onnx")]), tmp_path)
    assert error.reason == "SourceAccessDenied"
    assert "the Secret for model.source holds cannot be used" in error.message
