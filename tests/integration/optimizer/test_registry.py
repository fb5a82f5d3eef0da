"""`oci://` from a real registry: one layer is a file, several are a folder."""

import base64
import json
import os

import pytest
from support.fetching import failure, get, id_of, mount_secrets
from support.registry import PASSWORD, USER, registry

from slipway_contract.digest import sha256_of_bytes

WEIGHTS = os.urandom(5 << 20)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with registry(tmp_path_factory.mktemp("registry")) as server:
        yield server


@pytest.fixture(scope="module")
def closed(tmp_path_factory):
    with registry(tmp_path_factory.mktemp("registry"), login=True) as server:
        yield server


@pytest.fixture(autouse=True)
def secret(tmp_path, monkeypatch):
    folder = mount_secrets(monkeypatch, tmp_path / "secrets")
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def files(tmp_path):
    folder = tmp_path / "net"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(WEIGHTS)
    return sorted(folder.iterdir())


def test_one_layer_is_a_file(server, tmp_path, files):
    digest = server.push("nets/one", files[1:])
    uri = f"oci://{server.address}/nets/one:v1"
    assert id_of(uri) == f"oci:{digest}"
    fetched = get(uri, tmp_path, resolved=f"oci:{digest}")
    assert (fetched.name, fetched.digest) == ("model.safetensors", sha256_of_bytes(WEIGHTS))
    assert fetched.path.read_bytes() == WEIGHTS


def test_several_layers_are_a_folder(server, tmp_path, files):
    digest = server.push("nets/several", files)
    fetched = get(f"oci://{server.address}/nets/several@{digest}", tmp_path)
    assert {path.name: path.read_bytes() for path in fetched.path.iterdir()} == {
        "config.json": b"{}",
        "model.safetensors": WEIGHTS,
    }


def test_what_was_resolved_is_read_although_the_tag_has_moved_on(server, tmp_path, files):
    first = server.push("nets/moving", files[:1])
    server.push("nets/moving", files[1:])
    uri = f"oci://{server.address}/nets/moving:v1"
    assert get(uri, tmp_path, resolved=f"oci:{first}").digest == sha256_of_bytes(b"{}")
    assert get(uri, tmp_path / "now").digest == sha256_of_bytes(WEIGHTS)


def test_a_folder_that_was_packed_is_refused(server, tmp_path, files):
    server.push("nets/packed", [files[0].parent])
    error = failure(f"oci://{server.address}/nets/packed:v1", tmp_path)
    assert error.reason == "UnsupportedSource"
    assert "push its files one by one" in error.message


@pytest.mark.parametrize("rest", ["nets/absent:v1", "nets/one:v9", f"nets/one@sha256:{'0' * 64}"])
def test_what_is_not_there(server, tmp_path, files, rest):
    server.push("nets/one", files[1:])
    assert failure(f"oci://{server.address}/{rest}", tmp_path).reason == "SourceNotFound"


def test_a_registry_that_wants_a_password(closed, tmp_path, files, secret):
    closed.push("nets/one", files[1:], login=True)
    uri = f"oci://{closed.address}/nets/one:v1"
    assert failure(uri, tmp_path).reason == "SourceAccessDenied"
    (secret / "OCI_USERNAME").write_text(USER)
    (secret / "OCI_PASSWORD").write_text("wrong")
    assert failure(uri, tmp_path).reason == "SourceAccessDenied"
    (secret / "OCI_PASSWORD").write_text(PASSWORD)
    assert get(uri, tmp_path).digest == sha256_of_bytes(WEIGHTS)


@pytest.mark.parametrize(
    "auth",
    [
        {"username": USER, "password": PASSWORD},
        {"auth": base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()},
    ],
)
def test_an_image_pull_secret_will_do(closed, tmp_path, files, secret, auth):
    closed.push("nets/one", files[1:], login=True)
    (secret / ".dockerconfigjson").write_text(json.dumps({"auths": {closed.address: auth}}))
    assert get(f"oci://{closed.address}/nets/one:v1", tmp_path).digest == sha256_of_bytes(WEIGHTS)
