"""Sources and artifacts on a real S3 server."""

import hashlib
import os
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from support.optimizer import write_artifact
from support.s3 import BUCKET, object_store

from slipway_contract.digest import hex_of, sha256_of_bytes
from slipway_contract.manifest import Manifest
from slipway_contract.source_ids import fixed_id
from slipway_optimizer.errors import InfrastructureError, JobError
from slipway_optimizer.sources.fetch import fetch, resolve
from slipway_optimizer.spec import Source
from slipway_optimizer.stores import open_store

FIELD = "model.source"
RECIPE = "sha256:" + "3" * 64
BODY = os.urandom(20 << 20)


@pytest.fixture(autouse=True)
def secrets(s3, tmp_path, monkeypatch):
    """Secrets as the cluster mounts them, and nothing in the environment."""
    for key in s3.environment:
        monkeypatch.delenv(key, raising=False)
    monkeypatch.setenv("SLIPWAY_SECRETS_DIR", str(tmp_path / "secrets"))
    monkeypatch.setattr("slipway_optimizer.sources.patience.FIRST_PAUSE_SECONDS", 0.0)
    for mount in (FIELD, "store"):
        s3.write_secret(tmp_path / "secrets" / mount)
    return tmp_path / "secrets"


@pytest.fixture
def root(request):
    """A prefix of its own for each test."""
    return f"s3://{BUCKET}/{request.node.name.replace('[', '/').replace(']', '')}"


def prefix_of(root):
    return root.removeprefix(f"s3://{BUCKET}/")


def get(uri, folder, sha256=None, resolved=None):
    return fetch(Source(uri=uri, sha256=sha256), FIELD, folder, lambda done, size: None, resolved)


@pytest.mark.parametrize("name", ["net.pth", "net#2.pth"])
def test_a_source_is_streamed_and_verified(s3, tmp_path, name):
    (tmp_path / "net.pth").write_bytes(BODY)
    uri = s3.upload(tmp_path / "net.pth", f"nets/{name}")
    fetched = get(uri, tmp_path, hashlib.sha256(BODY).hexdigest())
    assert fetched.path.read_bytes() == BODY
    assert (fetched.name, fetched.digest) == (name, sha256_of_bytes(BODY))


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
    with pytest.raises(JobError) as caught:
        get(uri, tmp_path)
    assert caught.value.reason == reason, caught.value.message
    assert uri in caught.value.message


def test_a_server_that_is_gone(tmp_path, secrets, monkeypatch):
    monkeypatch.setattr("slipway_optimizer.sources.patience.ATTEMPTS", 2)
    monkeypatch.setattr("s3fs.S3FileSystem.retries", 1)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with object_store(tmp_path / "gone") as gone:
        (secrets / FIELD / "AWS_ENDPOINT_URL").write_text(gone.endpoint)
    with pytest.raises(InfrastructureError) as caught:
        get(f"s3://{BUCKET}/net.pth", tmp_path)
    assert caught.value.reason == "SourceUnavailable"


def test_what_was_published_is_found_under_names_of_its_own(s3, tmp_path, root):
    store = open_store(root)
    assert store.find(RECIPE) is None
    published = store.publish(RECIPE, write_artifact(tmp_path / "finished", RECIPE))
    assert published.first
    found = store.find(RECIPE)
    assert found is not None
    assert (found.digest, found.manifest) == (published.digest, published.manifest)
    entry = found.manifest.files[0]
    assert s3.keys(prefix_of(root)) == [f"{hex_of(RECIPE)}/{entry.stored_as}", f"{hex_of(RECIPE)}/manifest.json"]
    assert entry.path == "model.onnx"
    content = hex_of(sha256_of_bytes(b"model"))[:16]
    assert re.fullmatch(rf"{content}-[0-9a-f]{{8}}/model\.onnx", entry.stored_as)


def test_the_manifest_is_written_last(s3, tmp_path, root, monkeypatch):
    store = open_store(root)
    folder = write_artifact(tmp_path / "finished", RECIPE)

    def fail(*args, **kwargs):
        raise OSError("connection lost")

    monkeypatch.setattr(store._filesystem, "pipe_file", fail)
    with pytest.raises(InfrastructureError) as caught:
        store.publish(RECIPE, folder)
    assert caught.value.reason == "StoreUnavailable"
    assert not [key for key in s3.keys(prefix_of(root)) if key.endswith("manifest.json")]
    assert open_store(root).find(RECIPE) is None
    assert open_store(root).publish(RECIPE, folder).first


def test_many_publishers_of_one_recipe_agree(s3, tmp_path, root):
    publishers = 4
    barrier = threading.Barrier(publishers)

    def publish(number):
        folder = write_artifact(tmp_path / f"finished-{number}", RECIPE, model=b"model %d" % number)
        store = open_store(root)
        barrier.wait()
        return store.publish(RECIPE, folder)

    with ThreadPoolExecutor(publishers) as pool:
        results = list(pool.map(publish, range(publishers)))
    assert sum(result.first for result in results) == 1
    assert len({result.digest for result in results}) == 1
    found = open_store(root).find(RECIPE)
    assert found is not None
    assert found.digest == results[0].digest
    assert len(s3.keys(prefix_of(root))) == 2, "who was not first takes away what it had uploaded"


def test_whoever_was_not_first_and_may_not_delete_is_done_all_the_same(tmp_path, root, monkeypatch):
    def deny(*_):
        raise PermissionError("Access Denied.")

    first = open_store(root).publish(RECIPE, write_artifact(tmp_path / "first", RECIPE, model=b"first"))
    monkeypatch.setattr("s3fs.S3FileSystem.rm_file", deny)
    second = open_store(root).publish(RECIPE, write_artifact(tmp_path / "second", RECIPE, model=b"second"))
    assert (second.digest, second.first) == (first.digest, False)


def test_a_damaged_artifact_is_not_found_and_is_replaced(s3, tmp_path, root):
    store = open_store(root)
    folder = write_artifact(tmp_path / "finished", RECIPE)
    store.publish(RECIPE, folder)
    (tmp_path / "other").write_bytes(b"other")
    model = next(key for key in s3.keys(prefix_of(root)) if key.endswith("model.onnx"))
    s3.upload(tmp_path / "other", f"{prefix_of(root)}/{model}")
    assert store.find(RECIPE) is None
    store.publish(RECIPE, folder)
    assert store.find(RECIPE) is not None
    manifest = s3.filesystem().cat_file(f"{BUCKET}/{prefix_of(root)}/{hex_of(RECIPE)}/manifest.json")
    assert Manifest.model_validate_json(manifest).recipe_digest == RECIPE


def test_what_a_source_is_resolved_to(s3, tmp_path):
    (tmp_path / "net.pth").write_bytes(BODY)
    uri = s3.upload(tmp_path / "net.pth", "resolved/net.pth")
    first = resolve(Source(uri=uri), FIELD)
    assert re.fullmatch(r"etag:[0-9a-f-]+", first)
    assert get(uri, tmp_path, resolved=first).digest == sha256_of_bytes(BODY)
    (tmp_path / "net.pth").write_bytes(b"new")
    s3.upload(tmp_path / "net.pth", "resolved/net.pth")
    with pytest.raises(InfrastructureError) as caught:
        get(uri, tmp_path, resolved=first)
    assert caught.value.reason == "SourceChanged"


def test_a_version_in_the_uri_is_what_is_read(s3, tmp_path):
    old, new = s3.upload_versions("nets/net.pth", BODY, b"a newer one")
    version = "version:" + old.rpartition("=")[2]
    assert resolve(Source(uri=old), FIELD) == version == fixed_id({"uri": old})
    fetched = get(old, tmp_path, resolved=version)
    assert (fetched.name, fetched.path.name) == ("net.pth", "net.pth")
    assert fetched.digest == sha256_of_bytes(BODY)
    assert get(new, tmp_path / "new").digest == sha256_of_bytes(b"a newer one")
    assert get(new.partition("?")[0], tmp_path / "newest").digest == sha256_of_bytes(b"a newer one")


@pytest.mark.parametrize("version", ["null", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "never-given-out"])
def test_a_version_that_is_not_there(s3, tmp_path, version):
    kept = s3.upload_versions("nets/kept.pth", b"a net")[0]
    with pytest.raises(JobError) as caught:
        get(kept.replace(kept.rpartition("=")[2], version), tmp_path)
    assert caught.value.reason == "SourceNotFound"


def test_an_object_that_is_replaced_while_it_is_read_is_read_anew(s3, tmp_path):
    (tmp_path / "net.pth").write_bytes(BODY)
    uri = s3.upload(tmp_path / "net.pth", "replaced/net.pth")
    other = os.urandom(12 << 20)

    def replace_once(done, size):
        if done == 1 << 20 and size == len(BODY):
            (tmp_path / "net.pth").write_bytes(other)
            s3.upload(tmp_path / "net.pth", "replaced/net.pth")

    fetched = fetch(Source(uri=uri), FIELD, tmp_path, replace_once)
    assert fetched.digest == sha256_of_bytes(other)


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
        assert fetch(Source(uri=uri), FIELD, tmp_path, break_down_once).digest == sha256_of_bytes(BODY)
    assert len(pauses) >= 2
    assert seen == sorted(seen), "nothing was read twice"


def test_a_folder_of_objects(s3, tmp_path):
    for name in ("config.json", "deep/model.safetensors"):
        (tmp_path / "file").write_bytes(name.encode())
        s3.upload(tmp_path / "file", f"folder/net/{name}")
    s3.upload(tmp_path / "file", "folder/network.bin")
    uri = f"s3://{BUCKET}/folder/net/"
    first = resolve(Source(uri=uri), FIELD)
    fetched = get(uri, tmp_path, resolved=first)
    found = {str(path.relative_to(fetched.path)) for path in fetched.path.rglob("*") if path.is_file()}
    assert found == {"config.json", "deep/model.safetensors"}
    assert (fetched.path / "deep/model.safetensors").read_bytes() == b"deep/model.safetensors"
    s3.upload(tmp_path / "file", "folder/net/config.json")
    assert resolve(Source(uri=uri), FIELD) != first
    with pytest.raises(InfrastructureError) as caught:
        get(uri, tmp_path, resolved=first)
    assert caught.value.reason == "SourceChanged"


@pytest.mark.parametrize("uri", [f"s3://{BUCKET}/folder/net", f"s3://{BUCKET}/nothing/here/"])
def test_a_folder_has_to_be_meant_and_to_be_there(s3, tmp_path, uri):
    (tmp_path / "file").write_bytes(b"{}")
    s3.upload(tmp_path / "file", "folder/net/config.json")
    with pytest.raises(JobError) as caught:
        get(uri, tmp_path)
    assert caught.value.reason == "SourceNotFound"


@pytest.mark.parametrize(
    ("out", "secret", "reason"),
    [
        ("s3://no-such-bucket/artifacts", {}, "StoreAccessDenied"),
        (f"s3://{BUCKET}/artifacts", {"AWS_SECRET_ACCESS_KEY": "wrong"}, "StoreAccessDenied"),
    ],
)
def test_a_store_that_cannot_be_used(tmp_path, secrets, out, secret, reason):
    for key, value in secret.items():
        (secrets / "store" / key).write_text(value)
    with pytest.raises(JobError) as caught:
        open_store(out).publish(RECIPE, write_artifact(tmp_path / "finished", RECIPE))
    assert caught.value.reason == reason, caught.value.message
    assert out in caught.value.message
