"""Artifacts in buckets: whole or not at all, under names of their own, and one of many publishers first."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.optimizer import write_artifact

from slipway_contract.digest import hex_of, sha256_of_bytes, sha256_of_file
from slipway_contract.manifest import Manifest
from slipway_optimizer.errors import InfrastructureError, JobError
from slipway_optimizer.stores import open_store
from slipway_serving.fetch import fetch

RECIPE = "sha256:" + "3" * 64


@pytest.fixture(autouse=True)
def secret(bucket, tmp_path, monkeypatch):
    for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(key, raising=False)
    monkeypatch.setenv("SLIPWAY_SECRETS_DIR", str(tmp_path / "secrets"))
    bucket.write_secret(tmp_path / "secrets" / "store")


@pytest.fixture
def prefix(request):
    """Of its own for each test."""
    return request.node.name.replace("[", "-").replace("]", "")


@pytest.fixture
def root(bucket, prefix):
    return f"{bucket.root}/{prefix}"


def test_what_was_published_is_found_under_names_of_its_own(bucket, tmp_path, root, prefix):
    store = open_store(root)
    assert store.find(RECIPE) is None
    published = store.publish(RECIPE, write_artifact(tmp_path / "finished", RECIPE))
    assert published.first
    found = store.find(RECIPE)
    assert found is not None
    assert (found.digest, found.manifest) == (published.digest, published.manifest)
    entry = found.manifest.files[0]
    assert bucket.keys(prefix) == [f"{hex_of(RECIPE)}/{entry.stored_as}", f"{hex_of(RECIPE)}/manifest.json"]
    assert entry.path == "model.onnx"
    content = hex_of(sha256_of_bytes(b"model"))[:16]
    assert re.fullmatch(rf"{content}-[0-9a-f]{{8}}/model\.onnx", entry.stored_as)


def test_what_was_published_is_what_serving_fetches(tmp_path, root):
    stored = open_store(root).publish(RECIPE, write_artifact(tmp_path / "finished", RECIPE))
    fetch(f"{root}/{hex_of(RECIPE)}", stored.digest, tmp_path / "artifact")
    assert (tmp_path / "artifact/model.onnx").read_bytes() == b"model"
    assert sha256_of_file(tmp_path / "artifact/manifest.json") == stored.digest


# aiohttp means servers; the drivers send a part at a time, and nothing else waits.
@pytest.mark.filterwarnings("ignore:Sending a large body directly:ResourceWarning")
def test_a_large_file_is_stored_whole(bucket, tmp_path, root, prefix):
    model = bytes(range(256)) * (60 << 12)
    stored = open_store(root).publish(RECIPE, write_artifact(tmp_path / "finished", RECIPE, model=model))
    assert bucket.read(f"{prefix}/{hex_of(RECIPE)}/{stored.manifest.files[0].stored_as}") == model


def test_the_manifest_is_written_last(bucket, tmp_path, root, prefix, monkeypatch):
    store = open_store(root)
    folder = write_artifact(tmp_path / "finished", RECIPE)

    def fail(*args, **kwargs):
        raise OSError("connection lost")

    monkeypatch.setattr(store._filesystem, "pipe_file", fail)
    with pytest.raises(InfrastructureError) as caught:
        store.publish(RECIPE, folder)
    assert caught.value.reason == "StoreUnavailable"
    assert not [key for key in bucket.keys(prefix) if key.endswith("manifest.json")]
    assert open_store(root).find(RECIPE) is None
    assert open_store(root).publish(RECIPE, folder).first


def test_many_publishers_of_one_recipe_agree(bucket, tmp_path, root, prefix):
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
    assert len(bucket.keys(prefix)) == 2, "who was not first takes away what it had uploaded"


def test_whoever_was_not_first_and_may_not_delete_is_done_all_the_same(tmp_path, root, monkeypatch):
    def deny(*_):
        raise PermissionError("Access Denied.")

    first = open_store(root).publish(RECIPE, write_artifact(tmp_path / "first", RECIPE, model=b"first"))
    other = open_store(root)
    monkeypatch.setattr(other._filesystem, "rm_file", deny)
    second = other.publish(RECIPE, write_artifact(tmp_path / "second", RECIPE, model=b"second"))
    assert (second.digest, second.first) == (first.digest, False)


def test_a_damaged_artifact_is_not_found_and_is_replaced(bucket, tmp_path, root, prefix):
    store = open_store(root)
    folder = write_artifact(tmp_path / "finished", RECIPE)
    store.publish(RECIPE, folder)
    model = next(key for key in bucket.keys(prefix) if key.endswith("model.onnx"))
    bucket.write(f"{prefix}/{model}", b"other")
    assert store.find(RECIPE) is None
    store.publish(RECIPE, folder)
    assert store.find(RECIPE) is not None
    manifest = bucket.read(f"{prefix}/{hex_of(RECIPE)}/manifest.json")
    assert Manifest.model_validate_json(manifest).recipe_digest == RECIPE


def test_a_bucket_that_is_not_there(bucket, tmp_path):
    out = f"{bucket.root.partition(':')[0]}://no-such-bucket/artifacts"
    with pytest.raises(JobError) as caught:
        open_store(out).publish(RECIPE, write_artifact(tmp_path / "finished", RECIPE))
    assert caught.value.reason == "StoreAccessDenied", caught.value.message
    assert out in caught.value.message
