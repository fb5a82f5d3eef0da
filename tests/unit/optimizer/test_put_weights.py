"""Weights take their places without a copy, and modules are built without numbers that nobody will see."""

from pathlib import Path

import pytest
import torch
from support.large_transformer import LargeTransformer
from torch import nn

from slipway_optimizer.formats.put_weights import put_weights
from slipway_optimizer.unfilled_weights import UnfilledWeights

LARGE = 512


class Tied(nn.Module):
    """One weight under two names."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(3, 3), nn.Linear(3, 3)
        self.second.weight = self.first.weight


class LoadsItself(nn.Linear):
    """Keeps its weight transposed in checkpoints."""

    def _load_from_state_dict(self, state_dict, prefix, *rest):
        state_dict[f"{prefix}weight"] = state_dict[f"{prefix}weight"].T
        super()._load_from_state_dict(state_dict, prefix, *rest)


def test_weights_are_not_copied():
    module, given = nn.Linear(4, 2), nn.Linear(4, 2).state_dict()
    put_weights(module, given)
    assert module.weight.data_ptr() == given["weight"].data_ptr()
    assert isinstance(module.weight, nn.Parameter)


def test_the_module_keeps_its_dtypes():
    module = nn.BatchNorm1d(3).half()
    put_weights(module, nn.BatchNorm1d(3).state_dict())
    assert {value.dtype for value in module.state_dict().values()} == {torch.float16, torch.int64}


def test_tied_weights_stay_tied():
    module = Tied()
    put_weights(module, {"first.weight": torch.eye(3)})
    assert module.second.weight is module.first.weight
    assert torch.equal(module.second.weight, torch.eye(3))


def test_recurrent_modules_compute_with_the_new_weights():
    module, other = nn.LSTM(3, 5), nn.LSTM(3, 5)
    x = torch.randn(2, 1, 3)
    put_weights(module, other.state_dict())
    assert torch.equal(module(x)[0], other(x)[0])


def test_a_module_that_loads_itself_does():
    module = LoadsItself(2, 3)
    put_weights(module, {"weight": torch.arange(6.0).reshape(2, 3), "bias": torch.zeros(3)})
    assert torch.equal(module.weight, torch.arange(6.0).reshape(2, 3).T)


def test_a_module_whose_state_is_a_copy_of_its_weights():
    module = nn.Linear(2, 3)
    module.register_state_dict_post_hook(lambda _, state, prefix, __: state.update(weight=state["weight"].clone()))
    put_weights(module, {"weight": torch.ones(3, 2), "bias": torch.zeros(3)})
    assert torch.equal(module.weight, torch.ones(3, 2))


def test_large_weights_are_left_unfilled_and_nothing_else():
    torch.manual_seed(0)
    with UnfilledWeights():
        small, norm = nn.Linear(4, 4), nn.BatchNorm1d(1 << 17)
        drawn = torch.empty(LARGE, LARGE).normal_()
    torch.manual_seed(0)
    assert torch.equal(small.weight, nn.Linear(4, 4).weight)
    assert torch.equal(norm.running_var, torch.ones(1 << 17))
    assert 0.9 < drawn.std() < 1.1


@pytest.mark.parametrize(
    "fill",
    [
        nn.init.normal_,
        nn.init.xavier_uniform_,
        nn.init.trunc_normal_,
        lambda weight: weight.data.normal_(),
        lambda weight: weight.data.fill_(3),
    ],
)
def test_every_usual_way_to_fill_a_weight_is_passed_over(fill):
    with UnfilledWeights():
        weight = nn.Parameter(torch.zeros(LARGE, LARGE))
        fill(weight)
    assert not weight.any()


def test_a_large_module_takes_no_memory_before_its_weights_come():
    before = _anonymous_bytes()
    with UnfilledWeights():
        module = LargeTransformer(width=1024, layers=4)
    weights = sum(value.nbytes for value in module.state_dict().values())
    assert _anonymous_bytes() - before < 0.1 * weights


def _anonymous_bytes() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon"))
