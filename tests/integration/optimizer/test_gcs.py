"""`gs://` from a server that speaks GCS's JSON API: generations name versions."""

import os
import re

import pytest
from support.gcs import BUCKET, gcs_server

from slipway_contract.digest import sha256_of_bytes
from slipway_optimizer.errors import InfrastructureError, JobError
from slipway_optimizer.sources.fetch import fetch, resolve
from slipway_optimizer.spec import Source

FIELD = "model.source"
BODY = os.urandom(20 << 20)


@pytest.fixture(scope="module")
def gcs():
    with gcs_server() as server:
        yield server


@pytest.fixture(autouse=True)
def secret(gcs, tmp_path, monkeypatch):
    monkeypatch.setattr("slipway_optimizer.sources.patience.FIRST_PAUSE_SECONDS", 0.0)
    monkeypatch.setenv("SLIPWAY_SECRETS_DIR", str(tmp_path / "secrets"))
    gcs.write_secret(tmp_path / "secrets" / FIELD)


def get(uri, folder, resolved=None, on_bytes=lambda done, size: None):
    return fetch(Source(uri=uri), FIELD, folder, on_bytes, resolved)


def test_an_object_is_streamed_and_resolved_to_its_generation(gcs, tmp_path):
    uri = gcs.write("nets/net.pth", BODY)
    first = resolve(Source(uri=uri), FIELD)
    assert re.fullmatch(r"generation:\d+", first)
    fetched = get(uri, tmp_path, first)
    assert (fetched.name, fetched.digest) == ("net.pth", sha256_of_bytes(BODY))
    gcs.write("nets/net.pth", b"new")
    with pytest.raises(InfrastructureError) as caught:
        get(uri, tmp_path, first)
    assert caught.value.reason == "SourceChanged"


def test_an_object_that_is_replaced_while_it_is_read_is_read_anew(gcs, tmp_path):
    uri = gcs.write("nets/replaced.pth", BODY)
    other = os.urandom(12 << 20)

    def replace_once(done, size):
        if done == 1 << 20 and size == len(BODY):
            gcs.write("nets/replaced.pth", other)

    assert get(uri, tmp_path, on_bytes=replace_once).digest == sha256_of_bytes(other)


def test_a_folder_of_objects(gcs, tmp_path):
    for name in ("config.json", "deep/model.safetensors"):
        gcs.write(f"folder/net/{name}", name.encode())
    gcs.write("folder/network.bin", b"beside it")
    uri = f"gs://{BUCKET}/folder/net/"
    first = resolve(Source(uri=uri), FIELD)
    assert re.fullmatch(r"generation:[0-9a-f]{64}", first)
    fetched = get(uri, tmp_path, first)
    found = {str(path.relative_to(fetched.path)) for path in fetched.path.rglob("*") if path.is_file()}
    assert found == {"config.json", "deep/model.safetensors"}


def test_a_folder_that_changes_while_it_is_read_is_read_anew(gcs, tmp_path):
    gcs.write("changing/a.bin", b"a of the first version")
    gcs.write("changing/b.bin", BODY)

    def replace_once(done, size):
        if size and done > 1 << 20 and size > len(BODY):
            gcs.remove("changing/a.bin")
            gcs.write("changing/b.bin", b"b of the second")

    fetched = get(f"gs://{BUCKET}/changing/", tmp_path, on_bytes=replace_once)
    assert {path.name: path.read_bytes() for path in fetched.path.iterdir()} == {"b.bin": b"b of the second"}


@pytest.mark.parametrize("uri", [f"gs://{BUCKET}/absent.pth", f"gs://{BUCKET}/absent/", "gs://no-such-bucket/net.pth"])
def test_what_is_not_there(tmp_path, uri):
    with pytest.raises(JobError) as caught:
        get(uri, tmp_path)
    assert caught.value.reason == "SourceNotFound"
