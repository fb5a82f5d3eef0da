"""`az://` from a server that answers like Azure's blob service: entity tags name versions."""

import os
import re

import pytest
from support.azure import CONTAINER, azure_server

from slipway_contract.digest import sha256_of_bytes
from slipway_optimizer.errors import InfrastructureError, JobError
from slipway_optimizer.sources.fetch import fetch, resolve
from slipway_optimizer.spec import Source

FIELD = "model.source"
BODY = os.urandom(20 << 20)


@pytest.fixture(scope="module")
def azure():
    with azure_server() as server:
        yield server


@pytest.fixture(autouse=True)
def secret(azure, tmp_path, monkeypatch):
    monkeypatch.setattr("slipway_optimizer.sources.patience.FIRST_PAUSE_SECONDS", 0.0)
    monkeypatch.setenv("SLIPWAY_SECRETS_DIR", str(tmp_path / "secrets"))
    azure.write_secret(tmp_path / "secrets" / FIELD)


def get(uri, folder, resolved=None, on_bytes=lambda done, size: None):
    return fetch(Source(uri=uri), FIELD, folder, on_bytes, resolved)


def test_an_object_is_streamed_and_resolved_to_its_tag(azure, tmp_path):
    uri = azure.write("nets/net.pth", BODY)
    first = resolve(Source(uri=uri), FIELD)
    assert re.fullmatch(r"etag:0x8D[0-9A-F]{13}", first)
    fetched = get(uri, tmp_path, first)
    assert (fetched.name, fetched.digest) == ("net.pth", sha256_of_bytes(BODY))
    azure.write("nets/net.pth", b"new")
    with pytest.raises(InfrastructureError) as caught:
        get(uri, tmp_path, first)
    assert caught.value.reason == "SourceChanged"


def test_an_object_that_is_replaced_while_it_is_read_is_read_anew(azure, tmp_path):
    uri = azure.write("nets/replaced.pth", BODY)
    other = os.urandom(12 << 20)

    def replace_once(done, size):
        if done == 1 << 20 and size == len(BODY):
            azure.write("nets/replaced.pth", other)

    assert get(uri, tmp_path, on_bytes=replace_once).digest == sha256_of_bytes(other)


def test_a_folder_of_objects(azure, tmp_path):
    for name in ("config.json", "deep/model.safetensors"):
        azure.write(f"folder/net/{name}", name.encode())
    azure.write("folder/network.bin", b"beside it")
    uri = f"az://{CONTAINER}/folder/net/"
    first = resolve(Source(uri=uri), FIELD)
    assert re.fullmatch(r"etag:[0-9a-f]{64}", first)
    fetched = get(uri, tmp_path, first)
    found = {str(path.relative_to(fetched.path)) for path in fetched.path.rglob("*") if path.is_file()}
    assert found == {"config.json", "deep/model.safetensors"}


@pytest.mark.parametrize(
    "uri", [f"az://{CONTAINER}/absent.pth", f"az://{CONTAINER}/absent/", "az://no-such-bucket/net.pth"]
)
def test_what_is_not_there(tmp_path, uri):
    with pytest.raises(JobError) as caught:
        get(uri, tmp_path)
    assert caught.value.reason == "SourceNotFound"


def test_a_secret_that_holds_something_else(tmp_path):
    (tmp_path / "secrets" / FIELD / "AZURE_STORAGE_CONNECTION_STRING").write_text("https://account")
    with pytest.raises(JobError) as caught:
        get(f"az://{CONTAINER}/net.pth", tmp_path)
    assert caught.value.reason == "SourceAccessDenied"
