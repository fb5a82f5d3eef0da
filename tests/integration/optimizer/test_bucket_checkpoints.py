"""Checkpoints of trainings in buckets: replaced as a whole, invisible to readers, gone with the artifact."""

import pytest
from support.optimizer import write_artifact

from slipway_contract.digest import hex_of
from slipway_optimizer.stores import open_store
from slipway_optimizer.stores.checkpoints import ABANDONED_AFTER_SECONDS

RECIPE, OTHER = "sha256:" + "8" * 64, "sha256:" + "9" * 64
OWNER = "models/net"


@pytest.fixture
def store(bucket, tmp_path, monkeypatch, request):
    monkeypatch.setenv("SLIPWAY_SECRETS_DIR", str(tmp_path / "secrets"))
    bucket.write_secret(tmp_path / "secrets" / "store")
    return open_store(f"{bucket.root}/{prefix_of(request)}")


def prefix_of(request):
    return request.node.name.replace("[", "-").replace("]", "")


def file(folder, content):
    path = folder / "state"
    path.write_bytes(content)
    return path


def test_what_was_written_last_is_read(store, tmp_path):
    checkpoints = store.checkpoints(RECIPE)
    assert not checkpoints.read("distill.pt", tmp_path / "read")
    for content in (b"epoch 1", b"epoch 2"):
        checkpoints.write("distill.pt", file(tmp_path, content))
    assert checkpoints.read("distill.pt", tmp_path / "read")
    assert (tmp_path / "read").read_bytes() == b"epoch 2"
    assert not store.checkpoints(OTHER).read("distill.pt", tmp_path / "read")


def test_nobody_takes_them_for_an_artifact_and_they_go_when_they_are_told_to(store, tmp_path, request, bucket):
    checkpoints = store.checkpoints(RECIPE)
    checkpoints.write("distill.pt", file(tmp_path, b"epoch 1"))
    assert store.find(RECIPE) is None
    assert store.find(RECIPE, OWNER) is None
    store.publish(RECIPE, write_artifact(tmp_path / "finished", RECIPE), OWNER)
    assert checkpoints.read("distill.pt", tmp_path / "read"), "the Job removes them after it has published"
    checkpoints.clear()
    checkpoints.clear()
    assert not checkpoints.read("distill.pt", tmp_path / "read")
    assert store.find(RECIPE, OWNER) is not None
    assert not [key for key in bucket.keys(prefix_of(request)) if f"{hex_of(RECIPE)}.checkpoint" in key]


def test_what_nobody_went_on_with_is_removed_with_old_artifacts(store, tmp_path, monkeypatch):
    left = store.checkpoints(OTHER)
    left.write("distill.pt", file(tmp_path, b"epoch 1"))
    store.publish(RECIPE, write_artifact(tmp_path / "finished", RECIPE), OWNER)
    store.collect(RECIPE, OWNER, [])
    assert left.read("distill.pt", tmp_path / "read"), "it is young"
    monkeypatch.setattr("slipway_optimizer.stores.checkpoints.ABANDONED_AFTER_SECONDS", -ABANDONED_AFTER_SECONDS)
    store.collect(RECIPE, OWNER, [])
    assert not left.read("distill.pt", tmp_path / "read")
    assert store.find(RECIPE) is not None
