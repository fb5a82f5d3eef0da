"""Files that somebody else exported from one row: the batch was declared as dynamic, and came out as 1 without a word.

The second silent failure. From a checkpoint the same model is exported right, because the example has three rows
(`test_export_kinds.py`).
"""

import warnings

import pytest
import torch
from support.awkward_models import Layered
from support.exports import Shapes
from support.optimizer import model_spec
from support.programs import save_program
from torch.export import Dim

from slipway_optimizer.errors import UserError
from slipway_optimizer.formats.exported_program import load_program
from slipway_optimizer.formats.onnx_file import load_onnx

SEQUENCE: Shapes = {"x": ("float32", ["batch", "time", 4])}
ONE_ROW = torch.zeros(1, 16, 4)


def refusal(load, path, file_format):
    spec = model_spec(SEQUENCE, ["y"], {"source": {"uri": path.as_uri()}, "format": file_format})
    with pytest.raises(UserError) as caught:
        load(path, spec)
    assert caught.value.reason == "DynamicAxisFixed"
    return caught.value.message


def test_an_onnx_file_of_an_lstm(tmp_path):
    axes = ({0: Dim("batch"), 1: Dim("time")},)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            Layered("LSTM").eval(), (ONE_ROW,), dynamo=True, dynamic_shapes=axes, verbose=False, output_names=["y"]
        )
    assert program is not None
    program.save(tmp_path / "lstm.onnx")
    message = refusal(load_onnx, tmp_path / "lstm.onnx", "ONNX")
    assert "dimension 0 of x is always 1" in message


def test_an_exported_program_of_an_lstm(tmp_path):
    path = save_program(Layered("LSTM"), tmp_path / "lstm.pt2", ONE_ROW)
    assert "exported with batch=1: declare its size, or export it again" in refusal(
        load_program, path, "ExportedProgram"
    )
