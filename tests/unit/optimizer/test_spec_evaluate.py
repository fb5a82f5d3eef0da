"""`optimize.evaluate` and what belongs to it: the same combinations are refused as by the API server."""

import pytest
from support.optimizer import ONNX_MODEL, ends, write_spec

from slipway_optimizer.errors import UserError
from slipway_optimizer.spec import read_deployment

MODEL = {**ONNX_MODEL, **ends({"x": ("float32", ["batch", 4])}, ["y", "z"])}
CODE = {"code": {"uri": "file:///net.py"}}
DATA = {"data": {"uri": "file:///data.npz"}}
FUNCTION = {"metric": "Function", "function": "own:score"}


def test_a_metric_is_read(tmp_path):
    evaluate = {**DATA, "metric": "TopK", "k": 5, "output": "z", "maxDrop": 0.5}
    read = read_deployment(write_spec(tmp_path, MODEL, {"evaluate": evaluate})).optimize.evaluate
    assert (read.metric, read.k, read.output, read.max_drop) == ("TopK", 5, "z", 0.5)


def test_code_may_be_for_a_function_alone(tmp_path):
    read = read_deployment(write_spec(tmp_path, {**MODEL, **CODE}, {"evaluate": {**DATA, **FUNCTION, "maxDrop": 3}}))
    assert read.optimize.evaluate.function == "own:score"


@pytest.mark.parametrize(
    ("evaluate", "says"),
    [
        ({**DATA, "metric": "TopK"}, "metric TopK needs k"),
        ({**DATA, "k": 5}, "metric TopK needs k, and no other metric has it"),
        ({**DATA, "metric": "Function"}, "metric Function needs function"),
        ({**DATA, "function": "own:score"}, "metric Function needs function, and no other metric has it"),
        ({**DATA, **FUNCTION, "function": "own.score"}, "function must be MODULE:CALLABLE"),
        ({**DATA, **FUNCTION, "output": "y"}, "metric Function gets every output: remove output"),
        ({**DATA, "average": "Macro"}, "average belongs to metric F1: remove it"),
        ({**DATA, "output": "w"}, "evaluate.output is w, and the outputs are y, z: name one of these"),
        ({**DATA, "maxDrop": 1.5}, "a maxDrop above 1 would allow anything"),
        ({"maxDrop": 0.5}, "maxDrop is a budget for what is measured on data: set data, or remove it"),
        ({"maxLatency": "3601s"}, "maxLatency must be a duration of at most 1h"),
        ({"metric": "AUC"}, "metric and output say what is measured on data: set data, or remove them"),
        ({"output": "y"}, "metric and output say what is measured on data: set data, or remove them"),
    ],
)
def test_combinations_that_mean_nothing(tmp_path, evaluate, says):
    with pytest.raises(UserError) as caught:
        read_deployment(write_spec(tmp_path, MODEL, {"evaluate": evaluate}))
    assert caught.value.reason == "InvalidSpec"
    assert says in caught.value.message


@pytest.mark.parametrize("evaluate", [{**DATA, "maxDrop": 0.5}, {"minSpeedup": 2}, {"objective": "Size"}])
def test_a_budget_where_nothing_is_to_be_chosen(tmp_path, evaluate):
    with pytest.raises(UserError, match="mode None makes no variant to choose"):
        read_deployment(write_spec(tmp_path, MODEL, {"quantize": {"mode": "None"}, "evaluate": evaluate}))


def test_code_for_nothing(tmp_path):
    with pytest.raises(UserError, match="nothing is imported from code"):
        read_deployment(write_spec(tmp_path, {**MODEL, **CODE}))
