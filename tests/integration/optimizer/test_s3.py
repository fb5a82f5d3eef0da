"""What is S3's own, on a real server: its credentials, its versions, and what happens while it is away."""

import os
from contextlib import ExitStack

import pytest
from support.fetching import FIELD, failure, get, id_of, mount_secrets
from support.optimizer import write_artifact
from support.s3 import BUCKET, object_store

from slipway_contract.digest import sha256_of_bytes
from slipway_contract.source_ids import fixed_id
from slipway_optimizer.errors import InfrastructureError, JobError
from slipway_optimizer.stores import open_store

RECIPE = "sha256:" + "3" * 64
BODY = os.urandom(20 << 20)


@pytest.fixture(autouse=True)
def secrets(s3, tmp_path, monkeypatch):
    """Secrets as the cluster mounts them, and nothing in the environment."""
    for key in s3.environment:
        monkeypatch.delenv(key, raising=False)
    folder = mount_secrets(monkeypatch, tmp_path / "secrets")
    for mount in (folder, tmp_path / "secrets" / "store"):
        s3.write_secret(mount)
    return tmp_path / "secrets"


def test_a_name_with_a_hash_in_it(s3, tmp_path):
    uri = s3.write("nets/net#2.pth", b"a net")
    fetched = get(uri, tmp_path)
    assert (fetched.name, fetched.digest) == ("net#2.pth", sha256_of_bytes(b"a net"))


@pytest.mark.parametrize(
    ("uri", "secret", "reason"),
    [
        (f"s3://{BUCKET}/nets/absent.pth", {}, "SourceNotFound"),
        ("s3://no-such-bucket/net.pth", {}, "SourceNotFound"),
        (f"s3://{BUCKET}/nets/net.pth", {"AWS_SECRET_ACCESS_KEY": "wrong"}, "SourceAccessDenied"),
        (f"s3://{BUCKET}/nets/net.pth", {"AWS_ACCESS_KEY_ID": "nobody"}, "SourceAccessDenied"),
    ],
)
def test_a_source_that_cannot_be_read(s3, tmp_path, secrets, uri, secret, reason):
    for key, value in secret.items():
        (secrets / FIELD / key).write_text(value)
    error = failure(uri, tmp_path)
    assert error.reason == reason, error.message
    assert uri in error.message


def test_a_server_that_is_gone(tmp_path, secrets, monkeypatch):
    monkeypatch.setattr("slipway_optimizer.sources.patience.ATTEMPTS", 2)
    monkeypatch.setattr("s3fs.S3FileSystem.retries", 1)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with object_store(tmp_path / "gone") as gone:
        (secrets / FIELD / "AWS_ENDPOINT_URL").write_text(gone.endpoint)
    error = failure(f"s3://{BUCKET}/net.pth", tmp_path)
    assert isinstance(error, InfrastructureError)
    assert error.reason == "SourceUnavailable"


def test_a_version_in_the_uri_is_what_is_read(s3, tmp_path):
    old, new = s3.upload_versions("nets/net.pth", BODY, b"a newer one")
    version = "version:" + old.rpartition("=")[2]
    assert id_of(old) == version == fixed_id({"uri": old})
    fetched = get(old, tmp_path, resolved=version)
    assert (fetched.name, fetched.path.name) == ("net.pth", "net.pth")
    assert fetched.digest == sha256_of_bytes(BODY)
    assert get(new, tmp_path / "new").digest == sha256_of_bytes(b"a newer one")
    assert get(new.partition("?")[0], tmp_path / "newest").digest == sha256_of_bytes(b"a newer one")


@pytest.mark.parametrize("version", ["null", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "never-given-out"])
def test_a_version_that_is_not_there(s3, tmp_path, version):
    kept = s3.upload_versions("nets/kept.pth", b"a net")[0]
    assert failure(kept.replace(kept.rpartition("=")[2], version), tmp_path).reason == "SourceNotFound"


def test_after_an_outage_it_goes_on_where_it_stopped(tmp_path, secrets, monkeypatch):
    monkeypatch.setattr("s3fs.S3FileSystem.retries", 1)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    (tmp_path / "net.pth").write_bytes(BODY)
    seen, pauses = [], []
    with ExitStack() as server:
        store = server.enter_context(object_store(tmp_path / "own"))
        uri = store.upload(tmp_path / "net.pth", "outage/net.pth")
        (secrets / FIELD / "AWS_ENDPOINT_URL").write_text(store.endpoint)

        def break_down_once(done, size):
            if not seen:
                server.close()
            seen.append(done)

        def come_back_after_two_tries(patience, state):
            pauses.append(state.attempt_number)
            if len(pauses) == 2:
                server.enter_context(object_store(tmp_path / "own", store.port))
            return 0.0

        monkeypatch.setattr("slipway_optimizer.sources.patience.Patience._pause", come_back_after_two_tries)
        assert get(uri, tmp_path, on_bytes=break_down_once).digest == sha256_of_bytes(BODY)
    assert len(pauses) >= 2
    assert seen == sorted(seen), "nothing was read twice"


@pytest.mark.parametrize("key", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_a_store_that_may_not_be_used(tmp_path, secrets, key):
    out = f"s3://{BUCKET}/artifacts"
    (secrets / "store" / key).write_text("wrong")
    (tmp_path / "state").write_bytes(b"epoch 1")
    store = open_store(out)
    for use in (
        lambda: store.publish(RECIPE, write_artifact(tmp_path / "finished", RECIPE)),
        lambda: store.checkpoints(RECIPE).write("distill.pt", tmp_path / "state"),
    ):
        with pytest.raises(JobError, match="may not be used") as caught:
            use()
        assert caught.value.reason == "StoreAccessDenied"
        assert out in caught.value.message
