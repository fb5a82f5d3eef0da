"""Which exporter, why, and what is said where none writes a right file.

Of the silent failures of exporters, these show: state that a forward keeps (3), by the name of what keeps it; and what
only shows at sizes or values that nobody tried.
"""

import numpy as np
import pytest
import torch
from support import awkward_models as models
from support.exports import export

from slipway_optimizer.errors import UserError

ROWS = {"x": ("float32", ["batch", 4])}
SEQUENCE = {"x": ("float32", ["batch", "time", 4])}


def refusal(folder, module, inputs):
    with pytest.raises(UserError) as caught:
        export(folder, module, inputs, ["y"])
    return caught.value


def test_the_dynamo_exporter_comes_first(tmp_path):
    exporter = export(tmp_path, models.Returning("tuple"), ROWS, ["logits", "hidden"]).exporter
    assert exporter == ("dynamo", "It is tried first, and its file is right.")


@pytest.mark.parametrize(
    ("module", "why"),
    [
        (
            models.Layered("RNN"),
            "The axis time is declared as dynamic, but the model fixes it (x has 16 in dimension 1",
        ),
        (models.ScriptedLoop(), ""),
    ],
    ids=["a plain RNN over any length", "a scripted loop"],
)
def test_the_older_exporter_where_the_first_cannot(tmp_path, module, why):
    done = export(tmp_path, module, SEQUENCE, ["y"])
    name, reason = done.exporter
    assert name == "torchscript"
    assert reason.startswith(f"The dynamo exporter failed: {why}")
    for batch, time in ((1, 1), (4, 9)):
        x = torch.randn(batch, time, 4)
        with torch.no_grad():
            np.testing.assert_allclose(done.ask(x=x)[0], module(x).numpy(), atol=1e-5)


def test_a_loop_over_an_axis_is_not_traced(tmp_path):
    error = refusal(tmp_path, models.PlainLoop(), SEQUENCE)
    assert error.reason == "DynamicAxisFixed"
    assert "The axis time is declared as dynamic, but the model fixes it" in error.message
    assert "torch.jit.script" in error.message


def test_a_branch_that_no_request_takes_is_not_traced(tmp_path):
    error = refusal(tmp_path, models.RareBranch(), ROWS)
    assert error.reason == "ExportFailed"
    assert "decides by the values of its inputs in RareBranch.forward (awkward_models.py line" in error.message


def test_what_both_exporters_get_wrong_is_refused(tmp_path):
    error = refusal(tmp_path, models.Layered("LSTM", proj_size=3), SEQUENCE)
    assert error.reason in {"ExportFailed", "ParityFailed"}
    assert "in Layered.forward (awkward_models.py line" in error.message


def test_what_onnx_runtime_cannot_compute_is_named(tmp_path):
    error = refusal(tmp_path, models.InsideBfloat16(), ROWS)
    assert error.reason == "ExportFailed"
    assert "in InsideBfloat16.forward (awkward_models.py line" in error.message
    assert "make the model float32" in error.message


def test_state_is_named_by_who_keeps_it(tmp_path):
    error = refusal(tmp_path, models.Counter(), ROWS)
    assert error.reason == "HiddenState"
    assert "keeps state between calls in Counter.calls" in error.message
    assert "Pass the state in and out as an input and an output" in error.message
