"""What an export gets wrong in silence, each on a model that shows it, and what is right in spite of it.

The silent failures of exporters and what shows each:
1. output names that a value inside has: `test_output_names_that_the_graph_uses_inside_are_no_trouble` here;
2. a batch fixed at 1: `test_fixed_batch.py`, and exported right in `test_export_kinds.py`;
3. state kept in the module: `Stateful` here, by the name of what keeps it in `test_export_choice.py`;
4. integers that wreck the answers or save nothing: `test_quantize*.py` among the integration tests;
5. what a `.pt` file can be: `test_checkpoints.py`, `test_detect.py`, `integration/optimizer/hostile`;
6. tuples, flattened batches, several outputs, dynamic sides, bounds of ids: `test_export_kinds.py`;
7. a package that changes PyTorch for the whole process: `test_torch_globals.py`;
8. TorchScript of which only a submodule converts: `test_torch_script.py`.
"""

import numpy as np
import pytest
import torch
from support.optimizer_jobs import build, golden_holds, run, weights_only

from slipway_optimizer.errors import UserError

ROWS = {"x": ("float32", ["batch", 4])}


def failure(folder, model, optimize=None):
    with pytest.raises(UserError) as caught:
        run(folder, model, optimize)
    assert not (folder / "store").exists()
    return caught.value


@pytest.fixture(scope="module")
def recurrent(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recurrent")
    inputs = {"x": ("float32", ["batch", "time", 4])}
    return run(folder, weights_only("Recurrent", folder, (inputs, ["linear", "x_1"])))


def test_an_lstm_takes_any_batch_and_any_length(recurrent):
    x = torch.randn(7, 11, 4)
    expected = build("Recurrent")(x)
    for got, want in zip(recurrent.ask({"x": x.numpy()}), expected, strict=True):
        np.testing.assert_allclose(got, want.detach().numpy(), atol=1e-5)


def test_output_names_that_the_graph_uses_inside_are_no_trouble(recurrent):
    assert [tensor.name for tensor in recurrent.manifest.outputs] == ["linear", "x_1"]
    assert recurrent.manifest.outputs[0].shape == ["batch", 3]
    assert recurrent.manifest.inputs[0].shape == ["batch", "time", 4]
    assert golden_holds(recurrent)


def test_inputs_go_by_name_and_outputs_come_by_name(tmp_path):
    ids, mask = ("int64", ["batch", "time"]), ("int64", ["batch", "time"])
    model = weights_only("Sentence", tmp_path, ({"attention_mask": mask, "input_ids": ids}, ["logits", "hidden"]))
    done = run(tmp_path, model)
    feeds = {"input_ids": np.array([[99, 5, 7]]), "attention_mask": np.array([[1, 1, 0]])}
    expected = build("Sentence")(**{name: torch.from_numpy(array) for name, array in feeds.items()})
    for got, name in zip(done.ask(feeds), ["logits", "hidden"], strict=True):
        np.testing.assert_allclose(got, expected[name].detach().numpy(), atol=1e-5)
    golden = {tensor.name: tensor for tensor in done.manifest.golden.inputs}
    assert max(golden["input_ids"].data) > 50
    assert any("input_ids in [0, 100)" in line.get("message", "") for line in done.progress)


def test_an_input_that_is_an_output_and_an_output_that_comes_twice(tmp_path):
    done = run(tmp_path, weights_only("Identity", tmp_path, (ROWS, ["same", "y", "z"])))
    x = np.ones((2, 4), np.float32)
    assert all(np.array_equal(answer, x) for answer in done.ask({"x": x}))


@pytest.mark.parametrize(
    ("name", "inputs", "outputs", "reason", "says"),
    [
        ("Stateful", ROWS, ["y"], "HiddenState", "another answer in y the second time"),
        ("OneRow", ROWS, ["y"], "DynamicAxisFixed", "takes only batch=1"),
        ("FixedAtThree", ROWS, ["y"], "DynamicAxisFixed", "The axis batch is declared as dynamic"),
        ("Branching", ROWS, ["y"], "ExportFailed", "in Branching.forward (tiny_models.py line"),
        (
            "Unconvertible",
            ROWS,
            ["y"],
            "ExportFailed",
            "aten._linalg_svd has no ONNX counterpart in Unconvertible.forward (tiny_models.py line",
        ),
        ("Talkative", ROWS, ["y", "z"], "OutputMismatch", "returns a str"),
        ("Dividing", ROWS, ["y"], "OutputMismatch", "answers NaN"),
        ("Recurrent", {"x": ("float32", [2, 3, 4])}, ["y"], "OutputMismatch", "returns 2 of shapes [2, 3], [1, 2, 8]"),
        ("Cnn", {"image": ("float32", ["batch", 3, 8, 8])}, ["y"], "InputMismatch", "expected input[3, 3, 8, 8]"),
        ("Cnn", {"image": ("float32", ["batch", 1, 9, 9])}, ["y"], "InputMismatch", "image float32[batch, 1, 9, 9]"),
        ("Cnn", {"image": ("float64", ["batch", 1, 8, 8])}, ["y"], "InputMismatch", "image float64"),
    ],
)
def test_a_model_that_cannot_be_served_right_is_refused(tmp_path, name, inputs, outputs, reason, says):
    error = failure(tmp_path, weights_only(name, tmp_path, (inputs, outputs)))
    assert error.reason == reason, error.message
    assert says in error.message
