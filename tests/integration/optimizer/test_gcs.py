"""What is GCS's own: generations in URIs."""

import pytest
from support.fetching import failure, get, id_of, mount_secrets

from slipway_contract.digest import sha256_of_bytes
from slipway_contract.source_ids import fixed_id


@pytest.fixture(autouse=True)
def secret(gcs, tmp_path, monkeypatch):
    gcs.write_secret(mount_secrets(monkeypatch, tmp_path / "secrets"))


def test_a_generation_in_the_uri_is_what_is_read(gcs, tmp_path):
    uri = gcs.write("nets/net.pth", b"a net")
    first = id_of(uri)
    pinned = uri + "#" + first.partition(":")[2]
    assert id_of(pinned) == first == fixed_id({"uri": pinned})
    fetched = get(pinned, tmp_path, resolved=first)
    assert (fetched.name, fetched.digest) == ("net.pth", sha256_of_bytes(b"a net"))
    gcs.write("nets/net.pth", b"another")
    assert failure(pinned, tmp_path, resolved=first).reason == "SourceNotFound"


@pytest.mark.parametrize("name", ["net.pth#1", "net.pth#one", "net#2.pth"])
def test_a_generation_or_a_name_that_is_not_there(gcs, tmp_path, name):
    gcs.write("nets/net.pth", b"a net")
    assert failure(f"{gcs.root}/nets/{name}", tmp_path).reason == "SourceNotFound"
