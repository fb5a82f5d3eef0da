"""`s3://`, `gs://` and `az://` from servers on loopback: streamed, resolved to a version, never two of them mixed."""

import os
import re

import pytest
from support.fetching import failure, files_below, get, id_of, mount_secrets

from slipway_contract.digest import hex_of, sha256_of_bytes
from slipway_optimizer.errors import InfrastructureError

BODY = os.urandom(20 << 20)
IDS = {
    "s3": (r"etag:[0-9a-f-]+", r"etag:[0-9a-f]{64}"),
    "gs": (r"generation:\d+", r"generation:[0-9a-f]{64}"),
    "az": (r"etag:0x8D[0-9A-F]{13}", r"etag:[0-9a-f]{64}"),
}


@pytest.fixture(autouse=True)
def secret(bucket, tmp_path, monkeypatch):
    for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(key, raising=False)
    bucket.write_secret(mount_secrets(monkeypatch, tmp_path / "secrets"))


@pytest.fixture
def ids(bucket):
    """What the id of an object looks like, and that of a folder."""
    return IDS[bucket.root.partition(":")[0]]


# In the name of an object, GCS's driver takes what is behind a '#' for a generation.
@pytest.mark.parametrize("name", ["net.pth", "net (1)+é.pth"])
def test_an_object_is_streamed_and_verified(bucket, tmp_path, name, ids):
    uri = bucket.write(f"nets/{name}", BODY)
    first = id_of(uri)
    assert re.fullmatch(ids[0], first)
    fetched = get(uri, tmp_path, hex_of(sha256_of_bytes(BODY)), resolved=first)
    assert fetched.path.read_bytes() == BODY
    assert (fetched.name, fetched.digest) == (name, sha256_of_bytes(BODY))


def test_another_version_than_the_one_that_was_resolved_is_refused(bucket, tmp_path):
    uri = bucket.write("nets/resolved.pth", b"old")
    first = id_of(uri)
    bucket.write("nets/resolved.pth", b"new")
    error = failure(uri, tmp_path, resolved=first)
    assert isinstance(error, InfrastructureError)
    assert error.reason == "SourceChanged"


def test_an_object_that_is_replaced_while_it_is_read_is_read_anew(bucket, tmp_path):
    uri = bucket.write("nets/replaced.pth", BODY)
    other = os.urandom(12 << 20)

    def replace_once(done, size):
        if done == 1 << 20 and size == len(BODY):
            bucket.write("nets/replaced.pth", other)

    assert get(uri, tmp_path, on_bytes=replace_once).digest == sha256_of_bytes(other)


def test_a_folder_of_objects(bucket, tmp_path, ids):
    files = {name: name.encode() for name in ("config.json", "deep/model.safetensors")}
    for name, content in files.items():
        bucket.write(f"folder/net/{name}", content)
    bucket.write("folder/network.bin", b"beside it")
    uri = f"{bucket.root}/folder/net/"
    first = id_of(uri)
    assert re.fullmatch(ids[1], first)
    assert files_below(get(uri, tmp_path, resolved=first).path) == files
    bucket.write("folder/net/config.json", b"another")
    assert id_of(uri) != first
    assert failure(uri, tmp_path, resolved=first).reason == "SourceChanged"


def test_a_folder_that_changes_while_it_is_read_is_read_anew(bucket, tmp_path):
    bucket.write("changing/a.bin", b"a of the first version")
    bucket.write("changing/b.bin", BODY)

    def replace_once(done, size):
        if size and done > 1 << 20 and size > len(BODY):
            if "a.bin" in bucket.keys("changing"):
                bucket.remove("changing/a.bin")
            bucket.write("changing/b.bin", b"b of the second")

    fetched = get(f"{bucket.root}/changing/", tmp_path, on_bytes=replace_once)
    assert files_below(fetched.path) == {"b.bin": b"b of the second"}


@pytest.mark.parametrize("path", ["models/absent.pth", "models/absent/", "no-such-bucket/net.pth", "models/whole"])
def test_what_is_not_there_or_not_meant(bucket, tmp_path, path):
    bucket.write("whole/config.json", b"{}")
    scheme = bucket.root.partition(":")[0]
    error = failure(f"{scheme}://{path}", tmp_path)
    assert error.reason == "SourceNotFound"
    assert f"{scheme}://{path}" in error.message
