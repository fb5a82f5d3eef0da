"""Inputs, outputs, axes and dtypes of every kind, exported and verified as the Job does it.

Of the silent failures of exporters, these show: an LSTM with a fixed batch (2), a forward that takes a tuple or returns
a flattened batch, several outputs, dynamic height and width, and ids within a vocabulary (6).
"""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from support import awkward_models as models
from support.exports import export
from torch import nn

from slipway_contract.manifest import batch_axis
from slipway_optimizer.artifact import describe_tensors

ROWS = {"x": ("float32", ["batch", 4])}
SEQUENCE = {"x": ("float32", ["batch", "time", 4])}
TWO = {"x": ("float32", ["batch", 4]), "y": ("float32", ["batch", 4])}


def same(got, module, *inputs):
    with torch.no_grad():
        expected = module(*inputs)
    np.testing.assert_allclose(got, expected.numpy(), atol=1e-5)


@pytest.mark.parametrize(
    "module",
    [
        models.Layered("LSTM"),
        models.Layered("LSTM", num_layers=2, bidirectional=True),
        models.Layered("GRU"),
    ],
    ids=["lstm", "deep bidirectional lstm", "gru"],
)
def test_recurrent_layers_take_any_batch_and_any_length(tmp_path, module):
    done = export(tmp_path, module, SEQUENCE, ["y"])
    assert done.exporter[0] == "dynamo"
    for batch, time in ((1, 1), (1, 20), (7, 3)):
        x = torch.randn(batch, time, 4)
        same(done.ask(x=x)[0], module, x)


@pytest.mark.parametrize("kind", ["LSTMCell", "GRUCell", "RNNCell"])
def test_cells_over_a_known_number_of_steps(tmp_path, kind):
    module = models.Steps(kind)
    done = export(tmp_path, module, {"x": ("float32", ["batch", 5, 4])}, ["y"])
    x = torch.randn(7, 5, 4)
    same(done.ask(x=x)[0], module, x)


@pytest.mark.parametrize("container", ["tuple", "named tuple", "dict", "nested", "dataclass", "ModelOutput"])
def test_outputs_come_in_any_container(tmp_path, container):
    module = models.Returning(container)
    logits, hidden = export(tmp_path, module, ROWS, ["logits", "hidden"]).ask(x=np.ones((2, 4), np.float32))
    same(hidden, module.inner, torch.ones(2, 4))
    same(logits, lambda x: module.head(module.inner(x)), torch.ones(2, 4))


def test_some_of_the_outputs_by_name(tmp_path):
    module = models.Returning("dataclass")
    (logits,) = export(tmp_path, module, ROWS, ["logits"]).ask(x=np.ones((2, 4), np.float32))
    assert logits.shape == (2, 3)


@pytest.mark.parametrize(("kind", "given"), [(models.TakesTuple, ("x", "y")), (models.TakesDict, {"x": 0, "y": 1})])
def test_inputs_go_in_a_tuple_or_a_dict(tmp_path, kind, given):
    module, x, y = kind(), torch.randn(2, 4), torch.randn(2, 4)
    done = export(tmp_path, module, TWO, ["z"])
    same(done.ask(x=x, y=y)[0], module, (x, y) if isinstance(given, tuple) else {"x": x, "y": y})


def test_a_state_goes_and_comes_as_a_tuple(tmp_path):
    module, state = models.TakesState(), ("float32", [1, "batch", 8])
    inputs = {"x": ("float32", ["batch", "time", 4]), "hidden": state, "cell": state}
    done = export(tmp_path, module, inputs, ["y", "next_hidden", "next_cell"])
    x, hidden, cell = torch.randn(5, 3, 4), torch.randn(1, 5, 8), torch.randn(1, 5, 8)
    with torch.no_grad():
        expected, (next_hidden, next_cell) = module(x, (hidden, cell))
    for got, want in zip(done.ask(x=x, hidden=hidden, cell=cell), (expected, next_hidden, next_cell), strict=True):
        np.testing.assert_allclose(got, want.numpy(), atol=1e-5)


def test_a_scalar_input_by_keyword(tmp_path):
    module, x = models.Scaled(), torch.randn(2, 4)
    done = export(tmp_path, module, {**ROWS, "factor": ("float32", [])}, ["y"])
    same(done.ask(x=x, factor=np.float32(3))[0], lambda x: module(x, factor=torch.tensor(3.0)), x)


def test_masks_mask_something_and_ids_stay_in_the_vocabulary(tmp_path):
    inputs = {"ids": ("int64", ["batch", "time"]), "padding_mask": ("bool", ["batch", "time"])}
    done = export(tmp_path, models.Attention(), inputs, ["y"])
    drawn = done.sampler.draw({"batch": 64, "time": 8}, seed=1)
    assert done.sampler.bounds["ids"] == 50
    assert not drawn["padding_mask"].all(axis=1).any()
    assert drawn["padding_mask"].any(axis=1).all()
    assert {"batch": 1, "time": 1} in done.plan.checks


def test_height_and_width_are_dynamic_and_a_flattened_batch_is_no_batch(tmp_path):
    module = models.Segmenter()
    inputs = {"image": ("float32", ["batch", 3, "height", "width"])}
    done = export(tmp_path, module, inputs, ["classes", "scores"])
    image = torch.randn(2, 3, 24, 40)
    classes, scores = done.ask(image=image)
    same(classes, lambda image: module(image)[0], image)
    same(scores, lambda image: module(image)[1], image)
    assert any(sizes["height"] != sizes["width"] for sizes in done.plan.checks)
    shapes = describe_tensors(done.file, done.shop.spec.inputs)
    assert shapes["outputs"][0].shape[0] == "batch" != shapes["outputs"][1].shape[0]
    assert batch_axis(shapes["inputs"], shapes["outputs"]) is None


def test_a_model_that_takes_even_batches_only(tmp_path):
    module = models.EvenBatch()
    done = export(tmp_path, module, ROWS, ["y"])
    assert done.plan.example["batch"] == 2
    assert all(sizes["batch"] % 2 == 0 for sizes in done.plan.checks)
    x = torch.randn(10, 4)
    same(done.ask(x=x)[0], module, x)


@pytest.mark.parametrize("dtype", ["float64", "float16", "bfloat16"])
def test_weights_of_other_dtypes(tmp_path, dtype):
    torch.manual_seed(0)
    taken = "float64" if dtype == "float64" else "float32"
    module = models.Rounded(getattr(torch, dtype))
    done = export(tmp_path, module, {"x": (taken, ["batch", 64])}, ["y"])
    x = torch.randn(9, 64, dtype=getattr(torch, taken))
    (got,) = done.ask(x=x)
    with torch.no_grad():
        np.testing.assert_allclose(got, module(x).numpy(), atol=1e-6 if dtype == "float64" else 1e-2)
    stored = {tensor.data_type for tensor in onnx.load(str(done.file)).graph.initializer if len(tensor.dims) > 1}
    wanted = {"float64": onnx.TensorProto.DOUBLE, "float16": onnx.TensorProto.FLOAT16}
    assert stored == {wanted.get(dtype, onnx.TensorProto.FLOAT)}


def test_large_weights_lie_beside_the_model(tmp_path):
    module = nn.Sequential(nn.Linear(4, 6000), nn.Linear(6000, 6000))
    done = export(tmp_path, module, ROWS, ["y"])
    files = {path.name: path.stat().st_size for path in Path(done.file).parent.iterdir()}
    assert set(files) == {"model.onnx", "model.onnx.data"}
    assert files["model.onnx"] < 100_000
    assert done.ask(x=np.ones((2, 4), np.float32))[0].shape == (2, 6000)
