"""TorchScript: branches and loops stay what they are, parts can be taken, and what cannot become a graph says why."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from support.exports import Export, export_loaded
from support.optimizer import model_spec
from support.tiny_models import Branching, Cnn, Recurrent, Unconvertible
from torch import Tensor, nn

from slipway_optimizer.errors import UserError
from slipway_optimizer.formats.load import load_model

ROWS: Any = {"x": ("float32", ["batch", 4])}


class Named(nn.Module):
    """Takes a second input by name, or does without; answers a dictionary."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 3)

    def forward(self, x: Tensor, shift: Tensor | None = None) -> dict[str, Tensor]:
        y = self.linear(x)
        return {"unused": x, "y": y if shift is None else y + shift}


class Wrapped(nn.Module):
    """Keeps what it saw; the model that it is around does not."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.seen = torch.zeros(1)

    def forward(self, x: Tensor, rate: int) -> Tensor:
        self.seen = x.sum() * rate
        return self.model(x)


class Last(nn.Module):
    """One module that converts, and one operator after it that does not."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 4), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        return torch.linalg.svdvals(self.body(x))


def save(module: nn.Module, path: Path) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        torch.jit.save(torch.jit.script(module.eval()), path)
    return path


def exported(folder: Path, module: nn.Module, inputs: Any, outputs: list[str], **fields: Any) -> Export:
    path = save(module, folder / "net.pt")
    spec = model_spec(inputs, outputs, {"source": {"uri": path.as_uri()}, **fields})
    return export_loaded(folder, load_model(spec, path, None), spec)


def refusal(folder: Path, module: nn.Module, inputs: Any, outputs: list[str], **fields: Any) -> UserError:
    with pytest.raises(UserError) as caught:
        exported(folder, module, inputs, outputs, **fields)
    return caught.value


def test_both_ways_of_a_branch(tmp_path):
    module = Branching()
    done = exported(tmp_path, module, ROWS, ["y"])
    for x in (torch.ones(2, 4), -torch.ones(5, 4)):
        assert np.allclose(done.ask(x=x)[0], module(x).detach(), atol=1e-6)


def test_axes_of_outputs_follow_those_of_inputs(tmp_path):
    done = exported(tmp_path, Recurrent(), {"x": ("float32", ["batch", "time", 4])}, ["y", "state"])
    graph = onnx.load(done.file).graph
    shapes = [[size.dim_param or size.dim_value for size in item.type.tensor_type.shape.dim] for item in graph.output]
    assert shapes == [["batch", 3], [1, "batch", 8]]


def test_inputs_by_name_and_a_dictionary(tmp_path):
    module = Named()
    done = exported(tmp_path, module, {"shift": ("float32", ["batch", 3]), **ROWS}, ["y"])
    x, shift = torch.randn(2, 4), torch.randn(2, 3)
    assert np.allclose(done.ask(x=x, shift=shift)[0], module(x, shift)["y"].detach(), atol=1e-6)


def test_inputs_by_other_names_in_order(tmp_path):
    module = Named()
    done = exported(tmp_path, module, {"rows": ("float32", ["batch", 4])}, ["y"])
    x = torch.randn(3, 4)
    assert np.allclose(done.ask(rows=x)[0], module(x)["y"].detach(), atol=1e-6)


def test_a_part(tmp_path):
    module = Wrapped(Cnn())
    done = exported(tmp_path, module, {"image": ("float32", ["batch", 1, 8, 8])}, ["y"], submodule="model.features")
    image = torch.randn(2, 1, 8, 8)
    assert np.allclose(done.ask(image=image)[0], module.model.features(image).detach(), atol=1e-5)


def test_a_part_that_is_not_there(tmp_path):
    error = refusal(tmp_path, Wrapped(Cnn()), ROWS, ["y"], submodule="model.body")
    assert "no submodule model.body; at body it has features, head" in error.message


def test_state_and_numbers_have_no_place_in_a_graph_and_the_part_without_them_is_named(tmp_path):
    error = refusal(tmp_path, Wrapped(Cnn()), {"x": ("float32", ["batch", 1, 8, 8])}, ["y"])
    assert error.reason == "ExportFailed"
    assert "takes rate: int" in error.message
    assert "Its submodule model can be exported by itself" in error.message
    assert "its own inputs (image)" in error.message


def test_the_part_that_converts_is_named_where_the_whole_does_not(tmp_path):
    error = refusal(tmp_path, Last(), ROWS, ["y"])
    assert "linalg_svdvals has no ONNX counterpart" in error.message
    assert "Its submodule body can be exported by itself" in error.message


def test_nothing_is_named_where_nothing_converts(tmp_path):
    error = refusal(tmp_path, Unconvertible(), ROWS, ["y"])
    assert "has no ONNX counterpart" in error.message
    assert "submodule" not in error.message


def test_another_number_of_inputs(tmp_path):
    three: Any = {name: ("float32", ["batch", 4]) for name in "abc"}
    error = refusal(tmp_path, Named(), three, ["y"])
    assert error.reason == "InputMismatch"
    assert "takes x, shift (1 of them have no default), the spec declares a, b, c" in error.message
