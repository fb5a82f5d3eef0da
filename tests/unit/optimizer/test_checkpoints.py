"""Checkpoints as they come: state dicts of every age, and what is refused without running a line of it."""

import os
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from support.programs import save_program
from support.tiny_models import Cnn

from slipway_optimizer.errors import UserError
from slipway_optimizer.formats.safe_tensors import read_safe_tensors
from slipway_optimizer.formats.state_dict import read_state_dict
from slipway_optimizer.formats.weights import load_weights


class Hostile:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.witness}",)


@pytest.fixture(scope="module")
def weights():
    return Cnn().state_dict()


def refusal(path: Path) -> UserError:
    with pytest.raises(UserError) as caught:
        read_state_dict(path)
    return caught.value


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_state_dicts_of_every_age(tmp_path, weights, zipped):
    torch.save(weights, tmp_path / "net.pth", _use_new_zipfile_serialization=zipped)
    loaded = read_state_dict(tmp_path / "net.pth")
    assert loaded.keys() == weights.keys()
    assert all(torch.equal(loaded[name], weights[name]) for name in weights)


@pytest.mark.parametrize("key", ["state_dict", "model_state", "model_state_dict", "model"])
def test_a_nested_checkpoint_is_unwrapped_where_that_is_clear(tmp_path, weights, key):
    torch.save({key: weights, "epoch": 3, "optimizer": {"lr": 0.1}}, tmp_path / "net.pth")
    assert read_state_dict(tmp_path / "net.pth").keys() == weights.keys()


def test_a_nested_checkpoint_that_is_not_clear_lists_its_keys(tmp_path, weights):
    torch.save({"state_dict": weights, "model": weights, "epoch": 3}, tmp_path / "two.pth")
    torch.save({"ema": weights, "epoch": 3}, tmp_path / "none.pth")
    assert "its keys are state_dict, model, epoch" in refusal(tmp_path / "two.pth").message
    error = refusal(tmp_path / "none.pth")
    assert error.reason == "CheckpointInvalid"
    assert "its keys are ema, epoch" in error.message


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_a_pickled_module_is_refused_with_what_to_do(tmp_path, zipped):
    torch.save(Cnn(), tmp_path / "net.pt", _use_new_zipfile_serialization=zipped)
    error = refusal(tmp_path / "net.pt")
    assert error.reason == "UnsafePickle"
    assert "tiny_models.Cnn" in error.message
    assert "torch.save(model.state_dict(), path)" in error.message


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_a_hostile_pickle_runs_nothing(tmp_path, zipped):
    witness = tmp_path / "witness"
    torch.save({"weight": Hostile(witness)}, tmp_path / "net.pt", _use_new_zipfile_serialization=zipped)
    assert refusal(tmp_path / "net.pt").reason == "UnsafePickle"
    (tmp_path / "plain.pkl").write_bytes(pickle.dumps(Hostile(witness)))
    assert refusal(tmp_path / "plain.pkl").reason in {"UnsafePickle", "CheckpointInvalid"}
    assert not witness.exists()


def test_other_things_are_named(tmp_path, weights):
    torch.save(torch.zeros(3), tmp_path / "tensor.pth")
    (tmp_path / "pointer.pth").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:1\n")
    (tmp_path / "page.pth").write_text("<!DOCTYPE html><html>")
    (tmp_path / "empty.pth").write_bytes(b"")
    torch.save(weights, tmp_path / "whole.pth")
    (tmp_path / "half.pth").write_bytes((tmp_path / "whole.pth").read_bytes()[:500])
    torch.save(weights, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    (tmp_path / "half-old.pth").write_bytes((tmp_path / "old.pth").read_bytes()[:-500])
    says = {
        "tensor.pth": "holds a Tensor, not a state dict",
        "pointer.pth": "Git LFS pointer",
        "page.pth": "web page",
        "empty.pth": "cannot be read",
        "half.pth": "cannot be read",
        "half-old.pth": "cannot be read",
    }
    for name, text in says.items():
        error = refusal(tmp_path / name)
        assert (error.reason, text in error.message) == ("CheckpointInvalid", True), f"{name}: {error.message}"


def test_other_archives_are_named(tmp_path):
    program = save_program(Cnn(), tmp_path / "program.pt2", torch.zeros(1, 1, 8, 8))
    assert "set format to ExportedProgram" in refusal(program).message


def test_safetensors(tmp_path, weights):
    save_file(weights, tmp_path / "net.safetensors")
    loaded = read_safe_tensors(tmp_path / "net.safetensors")
    assert all(torch.equal(loaded[name], weights[name]) for name in weights)
    (tmp_path / "half.safetensors").write_bytes((tmp_path / "net.safetensors").read_bytes()[:100])
    with pytest.raises(UserError, match=r"no \.safetensors file") as caught:
        read_safe_tensors(tmp_path / "half.safetensors")
    assert caught.value.reason == "CheckpointInvalid"


def test_weights_find_their_places(weights):
    module = Cnn()
    load_weights(module, weights)
    assert torch.equal(module.head.weight, weights["head.weight"])


def test_weights_that_do_not_fit_are_named(weights):
    def mismatch(tensors: dict[str, torch.Tensor], module: torch.nn.Module) -> str:
        with pytest.raises(UserError) as caught:
            load_weights(module, tensors)
        assert caught.value.reason == "CheckpointMismatch"
        return caught.value.message

    assert "features.0.weight is [4, 1, 3, 3] in the checkpoint and [8, 1, 3, 3]" in mismatch(weights, Cnn(width=8))
    renamed = {f"module.{name}": tensor for name, tensor in weights.items()}
    message = mismatch(renamed, Cnn())
    assert "the model also needs features.0.weight" in message
    assert "the checkpoint also has module.features.0.weight" in message
    assert "and 4 more" in message


def test_tied_weights_are_stored_once(weights):
    module = torch.nn.ModuleDict({"a": torch.nn.Linear(2, 2), "b": torch.nn.Linear(2, 2)})
    module["b"].weight = module["a"].weight
    state = module.state_dict()
    del state["b.weight"]
    load_weights(module, state)
