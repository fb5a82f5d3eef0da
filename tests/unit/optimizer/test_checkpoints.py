"""Checkpoints as they come: state dicts of every age, and what is refused without running a line of it."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from support.programs import save_program
from support.tiny_models import Cnn

from slipway_optimizer.errors import UserError
from slipway_optimizer.formats.state_dict import read_checkpoint
from slipway_optimizer.formats.weights import load_weights
from slipway_optimizer.formats.weights_file import fill_module, find_in_file, weights_format
from slipway_optimizer.spec import Weights


@pytest.fixture(scope="module")
def weights():
    return Cnn().state_dict()


def refusal(path: Path, module: torch.nn.Module | None = None, where: Weights | None = None) -> UserError:
    with pytest.raises(UserError) as caught:
        fill_module(module or Cnn(), path, None, where)
    return caught.value


def filled(path: Path, weights: dict[str, torch.Tensor], where: Weights | None = None) -> bool:
    """Whether the checkpoint's weights are those of the CNN that it is loaded into."""
    module = Cnn()
    fill_module(module, path, None, where)
    return all(torch.equal(value, weights[name]) for name, value in module.state_dict().items())


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_state_dicts_of_every_age(tmp_path, weights, zipped):
    torch.save(weights, tmp_path / "net.pth", _use_new_zipfile_serialization=zipped)
    assert weights_format(tmp_path / "net.pth") == "StateDict"
    assert read_checkpoint(tmp_path / "net.pth").keys() == weights.keys()
    assert filled(tmp_path / "net.pth", weights)


@pytest.mark.parametrize("key", ["state_dict", "model_state", "model_state_dict", "model", "ema.shadow"])
def test_a_nested_checkpoint_is_unwrapped_where_that_is_clear(tmp_path, weights, key):
    outer, _, inner = key.partition(".")
    moments = {name: torch.zeros_like(tensor) for name, tensor in weights.items()}
    nested = {inner: weights} if inner else weights
    torch.save({outer: nested, "epoch": 3, "optimizer": {"state": moments}, "lr": 0.1}, tmp_path / "net.pth")
    assert filled(tmp_path / "net.pth", weights)


def test_what_does_not_fit_is_not_what_is_meant(tmp_path, weights):
    discriminator = torch.nn.Linear(3, 1).state_dict()
    torch.save({"generator": weights, "discriminator": discriminator}, tmp_path / "gan.pth")
    assert filled(tmp_path / "gan.pth", weights)
    assert refusal(tmp_path / "gan.pth", torch.nn.Linear(4, 1)).reason == "CheckpointMismatch"


def test_what_nearly_fits_is_what_the_error_is_about(tmp_path, weights):
    partly = {f"module.{name}": tensor for name, tensor in weights.items() if name != "head.bias"}
    others = {f"layer{number}": torch.zeros(1) for number in range(30)}
    torch.save({"epoch": torch.tensor(3), "discriminator": others, "ema": partly}, tmp_path / "net.pth")
    assert "the model also needs head.bias" in refusal(tmp_path / "net.pth").message


def test_two_that_fit_have_to_be_told_apart(tmp_path, weights):
    other = {name: tensor + 1 for name, tensor in weights.items()}
    torch.save({"state_dict": weights, "ema": {"model.v2": other}, "epoch": 3}, tmp_path / "two.pth")
    error = refusal(tmp_path / "two.pth")
    assert error.reason == "CheckpointMismatch"
    assert "state_dict and ema.model.v2: set spec.model.weights.key" in error.message
    assert filled(tmp_path / "two.pth", weights, Weights(key="state_dict"))
    assert filled(tmp_path / "two.pth", other, Weights(key="ema.model.v2"))


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("ema", "it has no key ema, only state_dict, epoch"),
        ("state_dict.net", "state_dict has no key net, only features.0.weight"),
        ("epoch", "epoch is a int and holds no tensors by name"),
        ("epoch.of", "epoch is a int, which has no key of"),
    ],
)
def test_a_key_that_leads_nowhere_lists_what_is_there(tmp_path, weights, key, says):
    torch.save({"state_dict": weights, "epoch": 3}, tmp_path / "net.pth")
    error = refusal(tmp_path / "net.pth", where=Weights(key=key))
    assert error.reason == "CheckpointInvalid"
    assert says in error.message


@pytest.mark.parametrize("prefix", ["module.", "model.", "module._orig_mod.", "backbone.", "_orig_mod.module.net."])
def test_what_wrappers_put_before_names_is_taken_off(tmp_path, weights, prefix):
    wrapped = {f"{prefix}{name}": tensor for name, tensor in weights.items()}
    torch.save({"state_dict": wrapped, "optimizer_states": []}, tmp_path / "net.pth")
    assert filled(tmp_path / "net.pth", weights)
    save_file(wrapped, tmp_path / "net.safetensors")
    assert filled(tmp_path / "net.safetensors", weights)


def test_compiled_parts_have_their_own_names(tmp_path, weights):
    torch.save(
        {name.replace("features.", "features._orig_mod."): item for name, item in weights.items()}, tmp_path / "a"
    )
    assert filled(tmp_path / "a", weights)


def test_a_part_of_a_checkpoint_is_taken_where_the_spec_says_so(tmp_path, weights):
    both = {f"model.{name}": tensor for name, tensor in weights.items()} | {"loss.scale": torch.ones(1)}
    torch.save(both, tmp_path / "net.pth")
    error = refusal(tmp_path / "net.pth")
    assert "the checkpoint also has" in error.message
    assert "The weights under model. alone fit: set spec.model.weights.prefix to model." in error.message
    assert filled(tmp_path / "net.pth", weights, Weights(prefix="model."))
    assert (
        "no name begins with weights.prefix net.; they are model."
        in refusal(tmp_path / "net.pth", where=Weights(prefix="net.")).message
    )
    save_file(both, tmp_path / "net.safetensors")
    assert filled(tmp_path / "net.safetensors", weights, Weights(key="model"))
    assert "no name begins with net." in refusal(tmp_path / "net.safetensors", where=Weights(key="net")).message


def test_what_training_leaves_beside_the_weights_is_left_out(tmp_path, weights):
    left = {"epoch": torch.tensor(3), "optimizer.step": torch.tensor(1), "features.total_ops": torch.zeros(1)}
    save_file(weights | left, tmp_path / "net.safetensors")
    assert filled(tmp_path / "net.safetensors", weights)
    old = {name: tensor for name, tensor in weights.items() if not name.endswith("num_batches_tracked")}
    torch.save(old, tmp_path / "old.pth")
    assert filled(tmp_path / "old.pth", weights)


def test_shards_beside_their_index(tmp_path, weights):
    names = list(weights)
    halves = {"a.safetensors": names[:3], "b.safetensors": names[3:]}
    for file, part in halves.items():
        save_file({name: weights[name] for name in part}, tmp_path / file)
    assert filled(tmp_path, weights)
    places = {name: file for file, part in halves.items() for name in part}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))
    assert filled(tmp_path, weights)
    (tmp_path / "b.safetensors").unlink()
    assert "names b.safetensors, which is not in the folder" in refusal(tmp_path).message


def test_other_things_are_named(tmp_path, weights):
    torch.save(torch.zeros(3), tmp_path / "tensor.pth")
    torch.save({"epoch": 3}, tmp_path / "numbers.pth")
    (tmp_path / "pointer.pth").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:1\n")
    (tmp_path / "page.pth").write_text("<!DOCTYPE html><html>")
    (tmp_path / "empty.pth").write_bytes(b"")
    (tmp_path / "noise.pth").write_bytes(bytes(range(7, 255)))
    says = {
        "tensor.pth": "it is a Tensor, not a state dict",
        "numbers.pth": "it is no state dict; its keys are epoch",
        "pointer.pth": "Git LFS pointer",
        "page.pth": "web page",
        "empty.pth": "is empty",
        "noise.pth": "none of those that can be loaded",
    }
    for name, text in says.items():
        error = refusal(tmp_path / name)
        assert (error.reason, text in error.message) == ("CheckpointInvalid", True), f"{name}: {error.message}"


def test_weights_are_not_looked_for_in_other_formats(tmp_path):
    program = save_program(Cnn(), tmp_path / "program.pt2", torch.zeros(1, 1, 8, 8))
    error = refusal(program)
    assert error.reason == "FormatMismatch"
    assert "The file is an exported program, and weights are looked for" in error.message


def test_a_pickled_module_is_refused_with_what_to_do(tmp_path):
    torch.save(Cnn(), tmp_path / "net.pt")
    error = refusal(tmp_path / "net.pt")
    assert error.reason == "UnsafePickle"
    assert "tiny_models.Cnn" in error.message
    assert "torch.save(model.state_dict(), path)" in error.message


def test_nothing_but_the_weights_is_taken_from_a_checkpoint(tmp_path, weights):
    torch.save({"model": weights, "optimizer": {"state": {0: {"exp_avg": torch.zeros(2)}}}}, tmp_path / "net.pth")
    assert [item.key for item in find_in_file(tmp_path / "net.pth", "StateDict")] == ["model"]


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
    renamed = {name.replace("features", "body"): tensor for name, tensor in weights.items()}
    message = mismatch(renamed, Cnn())
    assert "the model also needs features.0.weight" in message
    assert "the checkpoint also has body.0.weight" in message
    assert "and 1 more" in message


def test_tied_weights_are_stored_once(weights):
    module = torch.nn.ModuleDict({"a": torch.nn.Linear(2, 2), "b": torch.nn.Linear(2, 2)})
    module["b"].weight = module["a"].weight
    state = module.state_dict()
    del state["b.weight"]
    load_weights(module, state)
