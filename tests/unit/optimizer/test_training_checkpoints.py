"""An evicted Job goes on after its last epoch, to the same weights, and leaves nothing half in the store."""

import os

import pytest
import torch
from support.derivation import DATA, setting_of, write_digits
from support.optimizer import write_artifact
from support.optimizer_jobs import build

from slipway_contract.digest import hex_of
from slipway_optimizer.derive.distill import distill
from slipway_optimizer.derive.prune import prune
from slipway_optimizer.errors import InfrastructureError, JobStoppedError
from slipway_optimizer.stores import open_store
from slipway_optimizer.stores.checkpoints import (
    ABANDONED_AFTER_SECONDS,
    HALF_WRITTEN_AFTER_SECONDS,
    DirectoryCheckpoints,
)

RECIPE = "sha256:" + "5" * 64
EPOCHS = 4
FIELD = "optimize.distill.data"


class Evicted(DirectoryCheckpoints):
    """Stops the Job after so many checkpoints."""

    def __init__(self, root, epochs):
        super().__init__(root, RECIPE)
        self.left = epochs

    def write(self, name, source):
        super().write(name, source)
        self.left -= 1
        if not self.left:
            raise JobStoppedError


def train(folder, checkpoints, rows=slice(0, 200), epochs=EPOCHS):
    """Distil the tiny network into another of its kind; returns what was derived and what was said."""
    folder.mkdir(exist_ok=True)
    files = {FIELD: write_digits(folder / "train.npz", rows)}
    wanted = {"student": {"factory": "tiny_models:Cnn"}, "data": DATA, "epochs": epochs, "learningRate": 0.01}
    setting = setting_of(folder, build("Cnn"), {"distill": wanted}, files, checkpoints=checkpoints)
    derived = distill(setting, setting.shop.deployment.optimize.distill)
    return derived, setting.shop.progress._stream.getvalue()


def train_and_prune(folder, checkpoints):
    """Distil, prune the student, and train it again: two epochs, and three."""
    folder.mkdir(exist_ok=True)
    data = write_digits(folder / "train.npz", slice(0, 100))
    student = {"factory": "tiny_models:Cnn", "factoryKwargs": {"width": 16}}
    tuned = {"data": DATA, "epochs": 3, "learningRate": 0.01}
    wanted = {
        "distill": {"student": student, "data": DATA, "epochs": 2, "hardLabelWeight": 0.3},
        "prune": {"method": "Structured", "amount": 0.5, "fineTune": tuned},
    }
    files = {FIELD: data, "optimize.prune.fineTune.data": data}
    setting = setting_of(folder, build("Cnn"), wanted, files, checkpoints=checkpoints)
    optimize = setting.shop.deployment.optimize
    return prune(setting, distill(setting, optimize.distill).model, optimize.prune, "DistilledPruned")


def weights(derived):
    return derived.model.module.state_dict()


def same(one, other):
    return all(torch.equal(tensor, other[name]) for name, tensor in one.items())


def read_checkpoint(root):
    return (root / f"{hex_of(RECIPE)}.checkpoint" / "distill.pt").read_bytes()


@pytest.fixture
def root(tmp_path):
    return tmp_path / "store"


@pytest.fixture
def uninterrupted(tmp_path):
    return train(tmp_path / "uninterrupted", None)[0]


@pytest.mark.parametrize("epochs", [1, 3, EPOCHS])
def test_it_goes_on_after_the_last_epoch_to_the_same_weights(tmp_path, root, uninterrupted, epochs):
    with pytest.raises(JobStoppedError):
        train(tmp_path / "first", Evicted(root, epochs))
    derived, said = train(tmp_path / "second", DirectoryCheckpoints(root, RECIPE))
    assert same(weights(derived), weights(uninterrupted))
    assert derived.facts["losses"] == uninterrupted.facts["losses"]
    assert f"epoch {epochs} of {EPOCHS};" not in said.split("Asking the original")[1]


@pytest.mark.parametrize("epochs", [1, 4])
def test_a_pruned_student_is_pruned_and_trained_to_the_same_weights(tmp_path, root, epochs):
    whole = train_and_prune(tmp_path / "whole", None)
    with pytest.raises(JobStoppedError):
        train_and_prune(tmp_path / "first", Evicted(root, epochs))
    derived = train_and_prune(tmp_path / "second", DirectoryCheckpoints(root, RECIPE))
    assert derived.problem is None
    assert same(weights(derived), weights(whole))
    assert derived.facts == whole.facts


def test_a_job_that_is_stopped_while_it_writes_leaves_the_checkpoint_before(tmp_path, root, uninterrupted, monkeypatch):
    with pytest.raises(JobStoppedError):
        train(tmp_path / "first", Evicted(root, 2))
    (folder,) = root.iterdir()
    before = (folder / "distill.pt").read_bytes()

    def stop(descriptor):
        raise JobStoppedError

    with monkeypatch.context() as patch:
        patch.setattr("slipway_optimizer.stores.checkpoints.os.fsync", stop)
        with pytest.raises(JobStoppedError):
            train(tmp_path / "second", DirectoryCheckpoints(root, RECIPE))
    assert [path.name for path in folder.iterdir()] == ["distill.pt"]
    assert (folder / "distill.pt").read_bytes() == before
    derived, _ = train(tmp_path / "third", DirectoryCheckpoints(root, RECIPE))
    assert same(weights(derived), weights(uninterrupted))


def test_of_two_jobs_that_write_at_once_the_last_one_s_checkpoint_stays_whole(tmp_path, root, monkeypatch):
    one, other = DirectoryCheckpoints(root, RECIPE), DirectoryCheckpoints(root, RECIPE)
    (tmp_path / "one").write_bytes(b"one" * 1000)
    (tmp_path / "other").write_bytes(b"other")
    seen = []

    def let_the_other_write(descriptor):
        monkeypatch.undo()
        other.write("distill.pt", tmp_path / "other")
        seen.append(read_checkpoint(root))

    monkeypatch.setattr("slipway_optimizer.stores.checkpoints.os.fsync", let_the_other_write)
    one.write("distill.pt", tmp_path / "one")
    assert [*seen, read_checkpoint(root)] == [b"other", b"one" * 1000]
    (folder,) = root.iterdir()
    assert [path.name for path in folder.iterdir()] == ["distill.pt"]


def test_what_a_killed_job_left_half_written_is_removed_in_time(tmp_path, root):
    (tmp_path / "state").write_bytes(b"state")
    checkpoints = DirectoryCheckpoints(root, RECIPE)
    checkpoints.write("distill.pt", tmp_path / "state")
    (folder,) = root.iterdir()
    for name, age in (("old", HALF_WRITTEN_AFTER_SECONDS + 60), ("young", 0)):
        (folder / f"{name}.writing").write_bytes(b"half")
        changed = (folder / "distill.pt").stat().st_mtime - age
        os.utime(folder / f"{name}.writing", (changed, changed))
    checkpoints.write("distill.pt", tmp_path / "state")
    assert sorted(path.name for path in folder.iterdir()) == ["distill.pt", "young.writing"]


@pytest.mark.parametrize("damage", [b"", b"half a checkpoint", b"\x80\x02cos\nsystem\n(S'touch /tmp/ran'\ntR."])
def test_a_damaged_checkpoint_is_a_new_beginning(tmp_path, root, uninterrupted, damage):
    with pytest.raises(JobStoppedError):
        train(tmp_path / "first", Evicted(root, 2))
    (root / f"{hex_of(RECIPE)}.checkpoint" / "distill.pt").write_bytes(damage)
    derived, said = train(tmp_path / "second", DirectoryCheckpoints(root, RECIPE))
    assert same(weights(derived), weights(uninterrupted))
    assert f"epoch 1 of {EPOCHS}" in said


def test_a_checkpoint_of_other_data_is_not_gone_on_with(tmp_path, root, uninterrupted):
    with pytest.raises(JobStoppedError):
        train(tmp_path / "first", Evicted(root, 2), rows=slice(200, 400))
    derived, _ = train(tmp_path / "second", DirectoryCheckpoints(root, RECIPE))
    assert same(weights(derived), weights(uninterrupted))


def test_a_store_that_takes_no_checkpoint_does_not_end_the_training(tmp_path, root, uninterrupted):
    class Full(DirectoryCheckpoints):
        def write(self, name, source):
            raise InfrastructureError("StoreUnavailable", "The store does not answer")

    derived, said = train(tmp_path / "only", Full(root, RECIPE))
    assert same(weights(derived), weights(uninterrupted))
    assert "the checkpoint could not be written (The store does not answer)" in said


def test_publishing_leaves_others_checkpoints_and_sweeps_what_was_left_long_ago(tmp_path, root):
    store = open_store(str(root))
    young, old = (store.checkpoints("sha256:" + digit * 64) for digit in "67")
    (tmp_path / "state").write_bytes(b"state")
    for checkpoints in (young, old):
        checkpoints.write("distill.pt", tmp_path / "state")
    left = root / ("7" * 64 + ".checkpoint")
    long_ago = left.stat().st_mtime - ABANDONED_AFTER_SECONDS - 60
    os.utime(left / "distill.pt", (long_ago, long_ago))
    store.publish(RECIPE, write_artifact(tmp_path / "finished", RECIPE), "models/net")
    store.collect(RECIPE, "models/net", [])
    assert not left.exists()
    assert young.read("distill.pt", tmp_path / "read")
    assert (tmp_path / "read").read_bytes() == b"state"
    assert store.find("sha256:" + "6" * 64) is None
    young.clear()
    young.clear()
    assert [path.name for path in root.iterdir()] == [hex_of(RECIPE)]
