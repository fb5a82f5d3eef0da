"""The request that is timed: a row of the data of the middle size, and more rows of the same."""

import json

import numpy as np
import pytest
from support.optimizer import model_spec

from slipway_contract.manifest import TensorSpec
from slipway_optimizer.contest.request import rows_of, typical, widen
from slipway_optimizer.data import read_data


def tensors(**shapes):
    return [TensorSpec(name=name, dtype="float32", shape=shape) for name, shape in shapes.items()]


def test_a_row_of_the_middle_size(tmp_path):
    spec = model_spec({"ids": ("int64", ["batch", "time"])}, ["y"])
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps({"ids": list(range(length))}) + "\n" for length in (9, 2, 4, 7, 3)))
    request = typical(read_data(path, spec.inputs))
    assert request["ids"].tolist() == [[0, 1, 2, 3]]
    assert request["ids"].dtype == np.int64


def test_rows_of_one_size(tmp_path):
    spec = model_spec({"x": ("float32", ["batch", 2]), "h": ("float32", [3, "batch"])}, ["y"])
    np.savez(tmp_path / "rows.npz", x=np.arange(10.0).reshape(5, 2), h=np.ones((5, 3)))
    request = typical(read_data(tmp_path / "rows.npz", spec.inputs))
    assert (request["x"].shape, request["h"].shape) == ((1, 2), (3, 1))
    assert rows_of(request) == 1


@pytest.mark.parametrize("rows", [1, 4])
def test_more_rows_are_the_same_row(rows):
    feeds = {"x": np.array([[1.0, 2.0]]), "state": np.array([[[5.0]], [[6.0]]]), "scale": np.array([3.0])}
    wide = widen(feeds, tensors(x=["b", 2], state=[2, "b", 1], scale=[1]), "b", rows)
    assert wide["x"].tolist() == [[1.0, 2.0]] * rows
    assert wide["state"].tolist() == [[[5.0]] * rows, [[6.0]] * rows]
    assert wide["scale"].tolist() == [3.0]
    assert rows_of(wide) == rows


def test_a_request_without_axes_is_one_row():
    assert rows_of({"x": np.array(1.0)}) == 1
