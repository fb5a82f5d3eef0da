"""Pruning: exactly the weights that were asked for, channels that are really gone, and models that allow neither."""

import numpy as np
import pytest
import torch
from support.derivation import DATA, IMAGE, digits, setting_of, write_digits
from support.optimizer_jobs import build
from torch import nn

from slipway_optimizer.derive.prune import prune
from slipway_optimizer.errors import UserError
from slipway_optimizer.formats.torch_module import TorchModel
from slipway_optimizer.spec import Prune

ROWS = ({"x": ("float32", ["batch", 256])}, ["y"])
FINE_TUNE = "optimize.prune.fineTune.data"


def pruned(folder, module, given=IMAGE, files=None, **wanted):
    setting = setting_of(folder, module, {"prune": wanted}, files, given)
    spec = setting.shop.deployment.optimize.prune
    assert spec is not None
    return prune(setting, setting.original, spec, "Pruned")


def weights(model):
    return {name: tensor for name, tensor in model.module.state_dict().items() if tensor.ndim > 1}


def parameters(module):
    return sum(parameter.numel() for parameter in module.parameters())


def test_a_threshold_zeroes_what_is_not_above_it_and_nothing_else(tmp_path):
    module = build("Mlp")
    with torch.no_grad():
        module.layers[0].weight[0, :4] = torch.tensor([0.02, -0.02, 0.0201, -0.0201])
    done = pruned(tmp_path, module, ROWS, method="L1Unstructured", threshold=0.02)
    before = dict(module.state_dict())
    for name, tensor in weights(done.model).items():
        expected = torch.where(before[name].abs() > 0.02, before[name], 0.0)
        assert torch.equal(tensor, expected), name
    assert weights(done.model)["layers.0.weight"][0, :4].tolist() == pytest.approx([0, 0, 0.0201, -0.0201])
    assert set(done.model.module.state_dict()) == set(before), "masks were left behind"
    assert done.facts["threshold"] == 0.02
    assert not list(done.model.module.layers[0]._forward_pre_hooks)


def test_biases_and_norms_stay(tmp_path):
    module = build("Cnn")
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    done = pruned(tmp_path, module, method="L1Unstructured", amount=0.5)
    for name, tensor in done.model.module.state_dict().items():
        if tensor.ndim < 2:
            assert torch.equal(tensor, before[name]), name


def test_global_and_per_layer_take_the_same_share_from_different_places(tmp_path):
    module = build("Mlp")
    with torch.no_grad():
        module.layers[0].weight.mul_(100)
    together = pruned(tmp_path, module, ROWS, method="L1Unstructured", amount=0.5)
    each = pruned(tmp_path, module, ROWS, method="L1Unstructured", amount=0.5, scope="PerLayer")
    assert together.facts["sparsity"] == each.facts["sparsity"] == 0.5
    assert [layer["sparsity"] for layer in each.facts["layers"]] == [0.5, 0.5, 0.5]
    first, *others = (layer["sparsity"] for layer in together.facts["layers"])
    assert first < 0.05 < min(others)
    assert together.facts["layers"][0]["name"] == "layers.0.weight"


def test_zeros_are_told_to_buy_nothing(tmp_path):
    done = pruned(tmp_path, build("Cnn"), method="L1Unstructured", amount=0.9)
    assert "neither the file smaller nor dense kernels faster" in done.facts["note"]
    assert done.model.size_bytes == TorchModel(build("Cnn"), done.model.spec).size_bytes


def test_the_original_stays_as_it_is(tmp_path):
    module = build("Cnn")
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    for wanted in ({"method": "L1Unstructured", "amount": 0.5}, {"method": "Structured", "amount": 0.5}):
        pruned(tmp_path, module, **wanted)
    assert all(torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())


def test_recurrent_weights_are_pruned_where_they_are_used(tmp_path):
    given = ({"x": ("float32", ["batch", "time", 4])}, ["y", "state"])
    done = pruned(tmp_path, build("Recurrent"), given, method="L1Unstructured", amount=0.7)
    assert done.facts["sparsity"] == pytest.approx(0.7, abs=0.01)
    copy = build("Recurrent")
    copy.load_state_dict(done.model.module.state_dict())
    x = np.random.default_rng(0).normal(size=(3, 5, 4)).astype(np.float32)
    np.testing.assert_array_equal(done.model.run({"x": x})[0], copy(torch.from_numpy(x))[0].detach().numpy())


class Wide(nn.Module):
    """A residual network with depthwise convolution and normalization: image (b, 1, 8, 8) -> logits (b, 10)."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU())
        self.block = nn.Sequential(
            nn.Conv2d(32, 64, 1), nn.ReLU(), nn.Conv2d(64, 64, 3, padding=1, groups=64), nn.ReLU(), nn.Conv2d(64, 32, 1)
        )
        self.head = nn.Linear(32, 10)

    def forward(self, image):
        hidden = self.stem(image)
        return torch.softmax(self.head((hidden + self.block(hidden)).mean((2, 3))), -1)


@pytest.mark.parametrize("scope", ["Global", "PerLayer"])
def test_channels_are_really_gone_and_the_outputs_are_as_wide_as_before(tmp_path, scope):
    module = Wide()
    done = pruned(tmp_path, module, method="Structured", amount=0.5, scope=scope)
    assert done.problem is None
    assert parameters(done.model.module) == done.facts["parametersAfter"] < 0.6 * parameters(module)
    assert done.facts["parametersBefore"] == parameters(module)
    # Three rows of 8 x 8: 9 * 32 of the stem, 32 * 64 and 9 * 64 and 64 * 32 of the block, at 64 places; the head.
    assert done.facts["multiplyAddsBefore"] == 3 * (64 * (9 * 32 + 32 * 64 + 9 * 64 + 64 * 32) + 32 * 10)
    assert done.facts["multiplyAddsAfter"] < 0.6 * done.facts["multiplyAddsBefore"]
    assert done.model.module.head.out_features == 10
    assert done.model.module.block[0].out_channels % 8 == 0
    assert done.model.run({"image": digits()[0][:3]})[0].shape == (3, 10)
    assert "are gone" in done.facts["note"]


class TwoOutputs(nn.Module):
    """x (b, 256) -> y (b, 8), and the hidden values (b, 64) that it is computed from."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.head = nn.Linear(256, 64), nn.Linear(64, 64), nn.Linear(64, 8)

    def forward(self, x):
        hidden = torch.relu(self.first(x))
        return self.head(torch.relu(self.second(hidden))), hidden


def test_an_output_that_is_used_inside_too_keeps_its_channels(tmp_path):
    given = ({"x": ("float32", ["batch", 256])}, ["y", "hidden"])
    done = pruned(tmp_path, TwoOutputs(), given, method="Structured", amount=0.5)
    module = done.model.module
    assert (module.first.out_features, module.head.out_features) == (64, 8)
    assert module.second.out_features < 64


class Attending(nn.Module):
    """x (b, 256) -> y (b, 8), through attention whose code counts on the width of its projections."""

    def __init__(self):
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(32, 32) for _ in range(3))
        self.up, self.down, self.head = nn.Linear(32, 128), nn.Linear(128, 32), nn.Linear(256, 8)

    def forward(self, x):
        tokens = x.reshape(-1, 8, 32)
        query, key, value = (part(tokens).reshape(-1, 8, 4, 8) for part in (self.query, self.key, self.value))
        scores = torch.softmax(torch.einsum("bqhd,bkhd->bhqk", query, key), -1)
        tokens = tokens + torch.einsum("bhqk,bkhd->bqhd", scores, value).reshape(-1, 8, 32)
        return self.head((tokens + self.down(torch.relu(self.up(tokens)))).flatten(1))


def test_attention_keeps_its_heads_and_loses_what_is_between_them(tmp_path):
    done = pruned(tmp_path, Attending(), ROWS, method="Structured", amount=0.5)
    assert done.problem is None
    assert done.model.module.query.out_features == 32
    assert done.model.module.up.out_features == 64


class Stubborn(nn.Module):
    """x (b, 256) -> y (b, 8); its code repeats the width of a layer."""

    def __init__(self):
        super().__init__()
        self.up, self.head = nn.Linear(256, 64), nn.Linear(64, 8)

    def forward(self, x):
        return self.head(torch.relu(self.up(x)) * torch.ones(64))


@pytest.mark.parametrize(
    ("module", "sentence"),
    [
        pytest.param(Stubborn(), "Channels cannot be removed from this model (RuntimeError", id="a width in the code"),
        pytest.param(nn.Linear(256, 8), "No layer has channels to spare", id="nothing but outputs"),
    ],
)
def test_what_cannot_be_cut_takes_no_part(tmp_path, module, sentence):
    done = pruned(tmp_path, module, ROWS, method="Structured", amount=0.5)
    assert done.model is None
    assert done.problem.startswith(sentence)
    assert done.problem.endswith(".")


def test_a_graph_without_modules_takes_no_part(tmp_path):
    setting = setting_of(tmp_path, build("Cnn"), {})
    done = prune(setting, object(), Prune(method="Structured", amount=0.5), "Pruned")
    assert "A traced graph has no modules" in done.problem


@pytest.mark.parametrize("labels", [True, False], ids=["on labels", "on the original's answers"])
@pytest.mark.parametrize("method", ["L1Unstructured", "Structured"])
def test_training_brings_back_what_pruning_took(tmp_path, method, labels):
    files = {FINE_TUNE: write_digits(tmp_path / "train.npz", slice(0, 500), labels=labels)}
    module = build("Cnn")
    wanted = {"method": method, "amount": 0.5}
    done = pruned(
        tmp_path, Wide() if method == "Structured" else module, files=files, **wanted, fineTune={"data": DATA}
    )
    losses = done.facts["fineTune"]["losses"]
    assert len(losses) == 5
    assert losses[-1] < losses[0]
    assert not done.model.module.training
    if method == "L1Unstructured":
        assert done.facts["sparsity"] == 0.5, "training filled zeros"
    assert torch.is_grad_enabled()


class Transformer(nn.Module):
    """x (b, 256) -> y (b, 8): attention uses the weight of its last layer without calling the layer."""

    def __init__(self):
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(32, 4, 64, dropout=0.0, batch_first=True)
        self.head = nn.Linear(256, 8)

    def forward(self, x):
        return self.head(self.layer(x.reshape(-1, 8, 32)).flatten(1))


class Tied(nn.Module):
    """x (b, 256) -> y (b, 8), by two layers of one weight that another product uses as well."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.head = nn.Linear(256, 256), nn.Linear(256, 256), nn.Linear(256, 8)
        self.second.weight = self.first.weight

    def forward(self, x):
        return self.head(torch.relu(self.second(torch.relu(self.first(x)))) @ self.first.weight)


@pytest.mark.parametrize("module", [Transformer(), Tied()], ids=["attention", "tied"])
def test_zeros_stay_wherever_a_weight_is_used(tmp_path, module):
    np.savez(tmp_path / "rows.npz", x=np.random.default_rng(0).normal(size=(16, 256)).astype(np.float32))
    wanted = {"method": "L1Unstructured", "amount": 0.5, "fineTune": {"data": DATA, "batchSize": 8}}
    done = pruned(tmp_path, module, ROWS, {FINE_TUNE: tmp_path / "rows.npz"}, **wanted)
    assert done.problem is None
    assert done.facts["sparsity"] == pytest.approx(0.5, abs=0.001)
    assert len(done.facts["layers"]) == sum(tensor.ndim > 1 for tensor in module.parameters())
    assert done.facts["fineTune"]["losses"][-1] < done.facts["fineTune"]["losses"][0]
    copy = module.__class__().eval()
    copy.load_state_dict(done.model.module.state_dict())
    rows = np.load(tmp_path / "rows.npz")["x"]
    with torch.no_grad():
        np.testing.assert_allclose(done.model.run({"x": rows})[0], copy(torch.from_numpy(rows)), atol=1e-6)


def test_the_gains_of_weight_normalization_are_no_weights(tmp_path):
    linear = nn.Linear(256, 8)
    linear.weight_g = nn.Parameter(torch.ones(8, 1))
    done = pruned(tmp_path, linear, ROWS, method="L1Unstructured", amount=0.5)
    assert [layer["name"] for layer in done.facts["layers"]] == ["weight"]
    assert bool((done.model.module.weight_g == 1).all())


@pytest.mark.parametrize(
    ("threshold", "sentence"),
    [(1e-12, "No weight is among those that threshold names"), (9.0, "No weight would be left")],
)
def test_a_threshold_that_takes_nothing_or_everything_makes_no_candidate(tmp_path, threshold, sentence):
    done = pruned(tmp_path, build("Mlp"), ROWS, method="L1Unstructured", threshold=threshold)
    assert done.model is None
    assert done.problem.startswith(sentence)


def test_what_was_frozen_is_cut_and_not_trained(tmp_path):
    module = Wide()
    module.stem[0].weight.requires_grad = False
    files = {FINE_TUNE: write_digits(tmp_path / "train.npz", slice(0, 64))}
    done = pruned(tmp_path, module, files=files, method="Structured", amount=0.5, fineTune={"data": DATA, "epochs": 1})
    kept = {tuple(kernel.flatten().tolist()) for kernel in module.stem[0].weight}
    left = done.model.module.stem[0].weight
    assert len(left) < 32
    assert all(tuple(kernel.flatten().tolist()) in kept for kernel in left)


def test_a_module_that_was_made_to_answer_only_is_trained_as_a_whole(tmp_path):
    module = build("Cnn").requires_grad_(requires_grad=False)
    files = {FINE_TUNE: write_digits(tmp_path / "train.npz", slice(0, 64))}
    done = pruned(tmp_path, module, files=files, method="L1Unstructured", amount=0.5, fineTune={"data": DATA})
    assert done.facts["fineTune"]["losses"][-1] < done.facts["fineTune"]["losses"][0]


class Grouped(nn.Module):
    """image (b, 1, 8, 8) -> logits (b, 10), with four groups of channels."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 64, 3, padding=1), nn.ReLU(), nn.Conv2d(64, 64, 3, padding=1, groups=4), nn.ReLU()
        )
        self.head = nn.Linear(64, 10)

    def forward(self, image):
        return self.head(self.layers(image).mean((2, 3)))


def test_groups_of_channels_stay_whole(tmp_path):
    done = pruned(tmp_path, Grouped(), method="Structured", amount=0.5)
    assert done.problem is None
    grouped = done.model.module.layers[2]
    assert grouped.groups == 4
    assert grouped.in_channels % 4 == grouped.out_channels % 4 == 0
    assert done.facts["parametersAfter"] < done.facts["parametersBefore"]


def test_an_output_of_embeddings_keeps_its_width(tmp_path):
    class Words(nn.Module):
        def __init__(self):
            super().__init__()
            self.table, self.up, self.down = nn.Embedding(50, 32), nn.Linear(32, 64), nn.Linear(64, 32)

        def forward(self, ids):
            words = self.table(ids)
            return words + self.down(torch.relu(self.up(words)))

    given = ({"ids": ("int64", ["batch", "time"])}, ["hidden"])
    done = pruned(tmp_path, Words(), given, method="Structured", amount=0.5)
    assert done.problem is None
    assert done.model.module.table.weight.shape == (50, 32)
    assert done.model.module.up.out_features == 32
    sparse = pruned(tmp_path, Words(), given, method="L1Unstructured", amount=0.5)
    assert [layer["name"] for layer in sparse.facts["layers"]] == ["up.weight", "down.weight"]


def test_labels_that_do_not_fit_are_the_users_error(tmp_path):
    images, _ = digits()
    np.savez(tmp_path / "train.npz", image=images[:8], labels=np.zeros((8, 3)))
    with pytest.raises(UserError, match=r"the labels of a row have shape \[3\], the output \[10\]") as caught:
        pruned(
            tmp_path,
            build("Cnn"),
            files={FINE_TUNE: tmp_path / "train.npz"},
            method="L1Unstructured",
            amount=0.5,
            fineTune={"data": DATA},
        )
    assert caught.value.reason == "DataInvalid"
