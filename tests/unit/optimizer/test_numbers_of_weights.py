"""Weights that fit by name and shape, and would be other numbers in the model than in the checkpoint."""

import pytest
import torch
from safetensors.torch import save_file

from slipway_optimizer.errors import UserError
from slipway_optimizer.formats.changed_attributes import changed_attributes
from slipway_optimizer.formats.declared_outputs import declared_outputs
from slipway_optimizer.formats.safe_tensors import read_safe_tensors
from slipway_optimizer.formats.shards import shard_files
from slipway_optimizer.formats.torch_module import weights_size
from slipway_optimizer.formats.weights import load_weights


def weights_of(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda weight: weight.to(torch.complex64), "complex64"),
        (lambda weight: weight.to_sparse(), "sparse_coo float32"),
    ],
)
def test_numbers_that_a_model_cannot_hold_are_refused(change, kind):
    weights = weights_of(torch.nn.Linear(2, 3))
    with pytest.raises(UserError, match=f"weight is {kind} in the checkpoint and float32 in the model"):
        load_weights(torch.nn.Linear(2, 3), {**weights, "weight": change(weights["weight"])})


def test_fractions_are_not_cut_off():
    module = torch.nn.Module()
    module.register_buffer("order", torch.zeros(2, dtype=torch.long))
    with pytest.raises(UserError, match="order is float32 in the checkpoint and int64 in the model"):
        load_weights(module, {"order": torch.tensor([0.5, 1.0])})


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64, torch.int8])
def test_numbers_of_any_real_dtype_are_taken(dtype):
    module, weight = torch.nn.Linear(2, 3, bias=False), torch.arange(6).reshape(3, 2).to(dtype)
    load_weights(module, {"weight": weight})
    assert torch.equal(module.weight, weight.float())


def test_a_count_that_training_averaged_is_no_weight():
    weights = weights_of(torch.nn.BatchNorm1d(2))
    load_weights(torch.nn.BatchNorm1d(2), {**weights, "num_batches_tracked": torch.tensor(1.5)})


class Tied(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table = torch.nn.Linear(2, 2, bias=False)
        self.head = torch.nn.Linear(2, 2, bias=False)
        self.head.weight = self.table.weight


@pytest.mark.parametrize("value", [1.0, float("nan")])
def test_tied_weights_may_be_there_twice(value):
    module, weight = Tied(), torch.full((2, 2), value)
    load_weights(module, {"table.weight": weight, "head.weight": weight.clone()})
    assert module.head.weight is module.table.weight


def test_tied_weights_that_differ_are_refused():
    with pytest.raises(UserError, match=r"ties table.weight and head.weight, which differ"):
        load_weights(Tied(), {"table.weight": torch.ones(2, 2), "head.weight": torch.zeros(2, 2)})


def test_a_weight_in_two_files_of_a_folder_is_refused(tmp_path):
    save_file({"weight": torch.ones(2)}, tmp_path / "model.safetensors")
    save_file({"weight": torch.zeros(2)}, tmp_path / "model.ema.safetensors")
    with pytest.raises(UserError, match="the weight weight twice"):
        read_safe_tensors(tmp_path)


def test_the_usual_index_comes_before_that_of_a_variant(tmp_path):
    for name in ("model", "model.fp16"):
        save_file({"weight": torch.ones(2)}, tmp_path / f"{name}.safetensors")
        index = f'{{"weight_map": {{"weight": "{name}.safetensors"}}}}'
        (tmp_path / f"{name}.safetensors.index.json").write_text(index)
    assert [file.name for file in shard_files(tmp_path)] == ["model.safetensors"]


def test_complex_outputs_are_refused():
    with pytest.raises(UserError, match="view_as_real"):
        declared_outputs(torch.ones(2, dtype=torch.complex64), ["y"])


@pytest.mark.parametrize(
    "state",
    [
        torch.zeros(2, dtype=torch.bfloat16),
        torch.tensor(0.0),
        torch.zeros(2, 2).to_sparse(),
        torch.zeros(2, dtype=torch.complex64).conj(),
    ],
)
def test_state_of_any_dtype_is_seen(state):
    module = torch.nn.Module()
    module.state = state

    def advance() -> None:
        module.state = torch.ones(state.shape, dtype=state.dtype) + module.state

    assert changed_attributes(module, advance) == ["Module.state"]
    assert changed_attributes(module, lambda: None) == []


def test_sparse_tensors_have_no_place_in_memory():
    assert weights_size({"dense": torch.zeros(2), "sparse": torch.eye(2).to_sparse()}) == 8
