"""Old artifacts: removed with their last owner, and never while somebody may be using them."""

import io
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.optimizer import write_artifact
from support.waiting import wait_until

from slipway_contract.digest import hex_of
from slipway_optimizer.errors import InfrastructureError
from slipway_optimizer.job import Order, _collect
from slipway_optimizer.progress import Progress
from slipway_optimizer.stores import directory_collector, open_store
from slipway_optimizer.stores.owners import is_stale, is_unclaimed

ME, OTHER = "models/net", "shop/net"
OLD, NEW, KEPT = (f"sha256:{digit * 64}" for digit in "123")


@pytest.fixture
def root(tmp_path):
    return tmp_path / "store"


@pytest.fixture
def publish(root, tmp_path):
    def publish_(recipe, owner=None):
        folder = tmp_path / f"finished-{time.monotonic_ns()}"
        return open_store(str(root)).publish(recipe, write_artifact(folder, recipe), owner)

    return publish_


def make_old(root, recipe, owner=ME):
    """As if it had been published an hour ago."""
    marker = root / hex_of(recipe) / "owners" / owner.replace("/", ".")
    then = time.time() - 3600
    os.utime(marker, (then, then))


def names(root):
    return sorted(path.name for path in root.iterdir())


def collect(root, keep=(), owner=ME):
    return open_store(str(root)).collect(NEW, owner, keep)


def test_the_owner_s_old_artifacts_go_and_the_kept_ones_stay(root, publish):
    for recipe in (OLD, KEPT):
        publish(recipe, ME)
        make_old(root, recipe)
    publish(NEW, ME)
    assert collect(root, [KEPT]) == 1
    assert names(root) == [hex_of(NEW), hex_of(KEPT)]
    assert [path.name for path in (root / hex_of(NEW) / "owners").iterdir()] == ["models.net"]


def test_an_artifact_stays_until_its_last_owner_is_gone(root, publish):
    publish(OLD, ME)
    assert open_store(str(root)).find(OLD, OTHER) is not None
    for owner in (ME, OTHER):
        make_old(root, OLD, owner)
    publish(NEW, ME)
    assert collect(root) == 0
    assert open_store(str(root)).find(OLD) is not None
    assert collect(root, owner=OTHER) == 1
    assert names(root) == [hex_of(NEW)]


def test_an_artifact_without_markers_is_nobody_s_to_remove(root, publish):
    publish(OLD)
    publish(NEW, ME)
    (root / "notes.txt").write_text("mine")
    assert collect(root) == 0
    assert names(root) == sorted([hex_of(OLD), hex_of(NEW), "notes.txt"])


def test_an_artifact_without_markers_gets_none_from_those_who_use_it_too(root, publish):
    """Somebody may use it who had no way to say so."""
    publish(OLD)
    assert open_store(str(root)).find(OLD, ME) is not None
    assert not publish(OLD, ME).first
    publish(NEW, ME)
    assert open_store(str(root)).collect(OLD, ME, []) == 0
    assert collect(root) == 0
    assert open_store(str(root)).find(OLD) is not None


def test_what_another_job_of_the_owner_claimed_since_this_one_began_stays(root, publish):
    publish(OLD, ME)
    make_old(root, OLD)
    slow = open_store(str(root))
    slow._opened -= 60
    assert open_store(str(root)).find(OLD, ME) is not None
    publish(NEW, ME)
    assert slow.collect(NEW, ME, []) == 0
    assert open_store(str(root)).find(OLD) is not None


def test_a_claim_between_the_look_and_the_removal_saves_the_artifact(root, publish, monkeypatch):
    publish(OLD, ME)
    make_old(root, OLD)
    publish(NEW, ME)
    hide = directory_collector._hide

    def claimed_meanwhile(folder, prefix):
        if folder.name == hex_of(OLD):
            assert open_store(str(root)).find(OLD, OTHER) is not None
        return hide(folder, prefix)

    monkeypatch.setattr(directory_collector, "_hide", claimed_meanwhile)
    assert collect(root) == 0
    assert open_store(str(root)).find(OLD) is not None
    assert names(root) == sorted([hex_of(OLD), hex_of(NEW)])


def test_what_a_killed_collector_had_hidden_comes_back(root, publish, monkeypatch):
    published = publish(OLD, OTHER)
    publish(NEW, ME)
    (root / hex_of(OLD)).rename(root / f".removing-{hex_of(OLD)}-killed")
    assert collect(root) == 0
    assert open_store(str(root)).find(OLD) is None, "it may be another collector's, just now"
    monkeypatch.setattr(directory_collector, "UNDECIDED_AFTER_SECONDS", -1)
    assert collect(root) == 0
    found = open_store(str(root)).find(OLD)
    assert found is not None
    assert found.digest == published.digest


def test_a_collector_beside_it_may_be_done_while_it_looks(root, publish, monkeypatch):
    publish(NEW, ME)
    monkeypatch.setattr(Path, "glob", lambda folder, pattern: iter([folder / pattern.replace("*", "done")]))
    assert collect(root) == 0


def test_a_damaged_artifact_that_is_replaced_keeps_its_owners(root, publish):
    publish(OLD, OTHER)
    (root / hex_of(OLD) / "model.onnx").write_bytes(b"damaged")
    publish(OLD, ME)
    markers = sorted(path.name for path in (root / hex_of(OLD) / "owners").iterdir())
    assert markers == ["models.net", "shop.net"]


def test_collectors_and_publishers_at_once_lose_nothing_that_is_claimed(root, publish, tmp_path):
    """Whoever was told that an artifact is there, or has published one, finds it whole ever after."""
    publish(NEW, ME)
    rounds, workers = 25, 4
    barrier = threading.Barrier(workers, timeout=300)
    owners = [f"team-{number}/net" for number in range(workers)]

    def work(number):
        for turn in range(rounds):
            barrier.wait()
            if number % 2 == turn % 2:
                make_all_old(root, owners[number])
                open_store(str(root)).collect(NEW, owners[number], [])
                continue
            store = open_store(str(root))
            claimed = store.find(OLD, owners[number])
            if claimed is None:
                folder = write_artifact(tmp_path / f"finished-{number}-{turn}", OLD)
                claimed = store.publish(OLD, folder, owners[number])
            # A collector that meets a claim has the artifact out of sight for a moment, and puts it back.
            wait_until(lambda claimed=claimed: holds(claimed.digest))
        return True

    def holds(digest):
        held = open_store(str(root)).find(OLD)
        return held is not None and held.digest == digest

    def make_all_old(root, owner):
        marker = root / hex_of(OLD) / "owners" / owner.replace("/", ".")
        if marker.exists():
            os.utime(marker, (0, 0))

    with ThreadPoolExecutor(workers) as pool:
        assert all(pool.map(work, range(workers)))
    assert not [name for name in names(root) if name.startswith((".removed", ".publishing"))]


@pytest.mark.parametrize("failure", [InfrastructureError("StoreUnavailable", "It does not answer."), KeyError("mtime")])
def test_a_store_that_cannot_be_tidied_is_told_and_does_no_harm(failure):
    class Unavailable:
        def collect(self, *_):
            raise failure

    said = io.StringIO()
    _collect(Unavailable(), NEW, Order(owner=ME, keep=[]), Progress(said))
    assert f"Old artifacts were not removed: {failure}" in said.getvalue()


@pytest.mark.parametrize(
    ("markers", "stale", "unclaimed"),
    [
        ({}, False, True),
        ({"me": 90.0}, True, True),
        ({"me": 99.0}, False, False),
        ({"me": 90.0, "other": 1.0}, True, False),
        ({"other": 1.0}, False, False),
    ],
)
def test_what_markers_say(markers, stale, unclaimed):
    assert is_stale(markers, "me", started=100.0) is stale
    assert is_unclaimed(markers, "me", started=100.0) is unclaimed
