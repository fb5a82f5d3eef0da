"""Old artifacts in a bucket: removed with their last owner, and never while somebody may be using them."""

import time

import pytest
from support.optimizer import write_artifact

from slipway_contract.digest import hex_of
from slipway_optimizer.stores import open_store
from slipway_optimizer.stores.bucket_collector import BucketCollector

ME, OTHER = "models/net", "shop/net"
OLD, NEW, KEPT = (f"sha256:{digit * 64}" for digit in "123")


@pytest.fixture(autouse=True)
def secret(bucket, tmp_path, monkeypatch):
    monkeypatch.setenv("SLIPWAY_SECRETS_DIR", str(tmp_path / "secrets"))
    bucket.write_secret(tmp_path / "secrets/store")


@pytest.fixture
def prefix(request):
    """Of its own for each test."""
    return request.node.name.replace("[", "-").replace("]", "")


@pytest.fixture
def root(bucket, prefix):
    return f"{bucket.root}/{prefix}"


@pytest.fixture
def publish(root, tmp_path):
    def publish_(recipe, owner=None):
        folder = tmp_path / f"finished-{time.monotonic_ns()}"
        return open_store(root).publish(recipe, write_artifact(folder, recipe), owner)

    return publish_


@pytest.fixture
def make_old(bucket, prefix):
    """As if it had been written an hour ago."""

    def make_old_(recipe, name="owners/models.net"):
        bucket.make_old(f"{prefix}/{hex_of(recipe)}/{name}", 3600)

    return make_old_


@pytest.fixture
def recipes(bucket, prefix):
    return lambda: sorted({key.split("/")[0] for key in bucket.keys(prefix)})


def collect(root, keep=(), owner=ME):
    return open_store(root).collect(NEW, owner, keep)


def test_the_owner_s_old_artifacts_go_and_the_kept_ones_stay(root, publish, make_old, recipes):
    for recipe in (OLD, KEPT):
        publish(recipe, ME)
        make_old(recipe)
    publish(NEW, ME)
    assert collect(root, [KEPT]) == 1
    assert recipes() == [hex_of(NEW), hex_of(KEPT)]


def test_an_artifact_stays_until_its_last_owner_is_gone(root, publish, make_old, recipes):
    publish(OLD, ME)
    assert open_store(root).find(OLD, OTHER) is not None
    make_old(OLD)
    make_old(OLD, "owners/shop.net")
    publish(NEW, ME)
    assert collect(root) == 0
    assert open_store(root).find(OLD) is not None
    assert collect(root, owner=OTHER) == 1
    assert recipes() == [hex_of(NEW)]


def test_an_artifact_without_markers_is_nobody_s_to_remove(root, publish):
    publish(OLD)
    publish(NEW, ME)
    assert collect(root) == 0
    assert open_store(root).find(OLD) is not None


def test_an_artifact_without_markers_gets_none_from_those_who_use_it_too(root, publish):
    """Somebody may use it who had no way to say so."""
    publish(OLD)
    assert open_store(root).find(OLD, ME) is not None
    assert not publish(OLD, ME).first
    publish(NEW, ME)
    assert open_store(root).collect(OLD, ME, []) == 0
    assert collect(root) == 0
    assert open_store(root).find(OLD) is not None


def test_a_claim_between_the_look_and_the_removal_saves_the_artifact(root, publish, make_old, monkeypatch):
    published = publish(OLD, ME)
    make_old(OLD)
    publish(NEW, ME)
    delete = BucketCollector._delete

    def claimed_meanwhile(collector, path):
        if path.endswith(f"{hex_of(OLD)}/manifest.json"):
            assert open_store(root).find(OLD, OTHER) is not None
        delete(collector, path)

    monkeypatch.setattr(BucketCollector, "_delete", claimed_meanwhile)
    assert collect(root) == 0
    found = open_store(root).find(OLD)
    assert found is not None
    assert found.digest == published.digest


def test_a_publisher_that_finds_no_artifact_any_more_loses_nothing_to_the_collector(
    root, publish, make_old, monkeypatch
):
    publish(OLD, ME)
    make_old(OLD)
    publish(NEW, ME)
    delete_files = BucketCollector._delete_files

    def published_meanwhile(collector, folder, before, known):
        assert open_store(root).find(OLD, OTHER) is None
        publish(OLD, OTHER)
        return delete_files(collector, folder, before, known)

    monkeypatch.setattr(BucketCollector, "_delete_files", published_meanwhile)
    assert collect(root) == 1
    assert open_store(root).find(OLD) is not None


def test_what_a_killed_collector_left_is_removed_by_the_next(root, publish, make_old, recipes, monkeypatch):
    publish(OLD, ME)
    make_old(OLD)
    publish(NEW, ME)

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(BucketCollector, "_delete_files", killed)
        with pytest.raises(KeyboardInterrupt):
            collect(root)
    assert open_store(root).find(OLD) is None
    monkeypatch.setattr("slipway_optimizer.stores.bucket_collector.ABANDONED_AFTER_SECONDS", -3600)
    collect(root)
    assert recipes() == [hex_of(NEW)]


def test_an_upload_that_is_under_way_is_left_alone(bucket, root, prefix, publish, make_old):
    publish(NEW, ME)
    folder = f"{prefix}/{hex_of(OLD)}"
    for name in ("owners/models.net", "0123456789abcdef-00000000/model.onnx"):
        bucket.write(f"{folder}/{name}", b"half a model")
    make_old(OLD)
    assert collect(root) == 0
    assert bucket.keys(folder) == ["0123456789abcdef-00000000/model.onnx", "owners/models.net"]
