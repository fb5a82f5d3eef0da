"""Sources and artifacts on a real S3 server."""

import hashlib
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.optimizer import write_artifact
from support.s3 import BUCKET, object_store

from slipway_contract.digest import hex_of, sha256_of_bytes
from slipway_contract.manifest import Manifest
from slipway_optimizer.errors import InfrastructureError, JobError
from slipway_optimizer.sources.fetch import fetch
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


def test_a_source_is_streamed_and_verified(s3, tmp_path):
    (tmp_path / "net.pth").write_bytes(BODY)
    uri = s3.upload(tmp_path / "net.pth", "nets/net.pth")
    fetched = get(uri, tmp_path, hashlib.sha256(BODY).hexdigest())
    assert fetched.path.read_bytes() == BODY
    assert (fetched.name, fetched.digest) == ("net.pth", sha256_of_bytes(BODY))


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


def test_a_server_that_is_gone(tmp_path, secrets):
    with object_store(tmp_path / "gone") as gone:
        (secrets / FIELD / "AWS_ENDPOINT_URL").write_text(gone.endpoint)
    with pytest.raises(InfrastructureError) as caught:
        get(f"s3://{BUCKET}/net.pth", tmp_path)
    assert caught.value.reason == "SourceUnavailable"


def test_what_was_published_is_found_under_names_that_hold_the_content(s3, tmp_path, root):
    store = open_store(root)
    assert store.find(RECIPE) is None
    published = store.publish(RECIPE, write_artifact(tmp_path / "finished", RECIPE))
    assert published.first
    found = store.find(RECIPE)
    assert found is not None
    assert (found.digest, found.manifest) == (published.digest, published.manifest)
    keys = s3.keys(prefix_of(root))
    content = hex_of(sha256_of_bytes(b"model"))[:16]
    assert keys == [f"{hex_of(RECIPE)}/{content}/model.onnx", f"{hex_of(RECIPE)}/manifest.json"]
    assert found.manifest.files[0].path == "model.onnx"
    assert found.manifest.files[0].stored_as == f"{content}/model.onnx"


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
