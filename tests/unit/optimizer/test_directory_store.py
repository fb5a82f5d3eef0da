"""The store on a file system: whole artifacts or none, and the first publisher wins."""

import errno
import os
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.optimizer import write_artifact

from slipway_contract.digest import hex_of, sha256_of_file
from slipway_optimizer.errors import InfrastructureError, UserError
from slipway_optimizer.stores import open_store

RECIPE = "sha256:" + "1" * 64


@pytest.fixture
def root(tmp_path):
    return tmp_path / "store"


@pytest.fixture
def folder(tmp_path):
    return write_artifact(tmp_path / "finished", RECIPE)


def test_what_was_published_is_found(root, folder):
    store = open_store(str(root))
    assert store.find(RECIPE) is None
    published = store.publish(RECIPE, folder)
    assert published.first
    assert published.digest == sha256_of_file(root / hex_of(RECIPE) / "manifest.json")
    assert [path.name for path in root.iterdir()] == [hex_of(RECIPE)]
    found = store.find(RECIPE)
    assert found is not None
    assert (found.digest, found.manifest) == (published.digest, published.manifest)
    assert store.find("sha256:" + "2" * 64) is None


def test_other_users_may_read_it(root, folder):
    open_store(str(root)).publish(RECIPE, folder)
    assert (root / hex_of(RECIPE)).stat().st_mode & 0o777 == 0o755


def test_a_publisher_that_fails_leaves_nothing(root, folder, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("slipway_optimizer.stores.directory.shutil.copyfile", fail)
    with pytest.raises(OSError, match="No space left"):
        open_store(str(root)).publish(RECIPE, folder)
    assert list(root.iterdir()) == []


@pytest.mark.parametrize(
    ("code", "kind", "said"),
    [
        (errno.EROFS, UserError, "Read-only file system"),
        (errno.EACCES, UserError, "Permission denied"),
        (errno.ESTALE, InfrastructureError, "Stale file handle"),
        (errno.EIO, InfrastructureError, "Input/output error"),
    ],
)
def test_what_is_wrong_with_a_volume_is_said_and_whose_fault_it_is(root, folder, monkeypatch, code, kind, said):
    def fail(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("slipway_optimizer.stores.directory.shutil.copyfile", fail)
    with pytest.raises(kind, match=said) as caught:
        open_store(str(root)).publish(RECIPE, folder)
    assert str(root) in caught.value.message


def test_what_a_killed_publisher_left_is_swept_later(root, folder):
    root.mkdir()
    old, young = root / ".publishing-old", root / ".publishing-young"
    for left in (old, young):
        left.mkdir()
        (left / "model.onnx").write_bytes(b"half")
    os.utime(old, (0, 0))
    open_store(str(root)).publish(RECIPE, folder)
    assert not old.exists()
    assert young.exists()


def test_a_publisher_beside_it_may_be_done_while_it_sweeps(root, folder, monkeypatch):
    found = Path.glob

    def glob(self, pattern):
        return [*found(self, pattern), self / pattern.replace("*", "done")]

    monkeypatch.setattr(Path, "glob", glob)
    assert open_store(str(root)).publish(RECIPE, folder).first


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda path: (path / "model.onnx").write_bytes(b"other"), id="a changed file"),
        pytest.param(lambda path: (path / "model.onnx").unlink(), id="a missing file"),
        pytest.param(lambda path: (path / "manifest.json").write_text("{}"), id="another manifest"),
        pytest.param(lambda path: (path / "manifest.json").unlink(), id="no manifest"),
    ],
)
def test_a_damaged_artifact_is_not_found_and_is_replaced(root, folder, damage):
    store = open_store(str(root))
    store.publish(RECIPE, folder)
    damage(root / hex_of(RECIPE))
    assert store.find(RECIPE) is None
    assert store.publish(RECIPE, folder).first
    assert store.find(RECIPE) is not None
    assert [path.name for path in root.iterdir()] == [hex_of(RECIPE)]


def test_an_artifact_of_another_recipe_is_not_ours(root, folder):
    store = open_store(str(root))
    store.publish(RECIPE, folder)
    other = "sha256:" + "2" * 64
    shutil.move(root / hex_of(RECIPE), root / hex_of(other))
    assert store.find(other) is None


def test_many_publishers_of_one_recipe_agree(root, tmp_path):
    publishers = 8
    barrier = threading.Barrier(publishers)

    def publish(number):
        folder = write_artifact(tmp_path / f"finished-{number}", RECIPE, model=b"model %d" % number)
        barrier.wait()
        return open_store(str(root)).publish(RECIPE, folder)

    with ThreadPoolExecutor(publishers) as pool:
        results = list(pool.map(publish, range(publishers)))
    assert sum(result.first for result in results) == 1
    assert len({result.digest for result in results}) == 1
    assert [path.name for path in root.iterdir()] == [hex_of(RECIPE)]


def test_a_store_that_is_no_store():
    with pytest.raises(UserError) as caught:
        open_store("ftp://host/store")
    assert caught.value.reason == "UnsupportedSource"
