"""The user's data: checked against the declared inputs, scored in chunks."""

import numpy as np
import pytest
from support.optimizer import model_spec

from slipway_optimizer.errors import UserError
from slipway_optimizer.evaluate import accuracy, predict, read_evaluation_data

INPUTS = model_spec({"x": ("float32", ["batch", 2])}, ["y"]).inputs
FIXED = model_spec({"x": ("float32", [4, 2])}, ["y"]).inputs


def identity(feeds):
    assert feeds["x"].dtype == np.float32
    return [feeds["x"]]


def write(path, **arrays):
    np.savez(path, **arrays)
    return path


def test_accuracy_against_labels(tmp_path):
    x = np.tile([[0.0, 1.0], [1.0, 0.0]], (50, 1))
    labels = np.tile([1, 1], 50)
    data = read_evaluation_data(write(tmp_path / "data.npz", x=x, labels=labels), INPUTS)
    assert [len(chunk["x"]) for chunk in data.chunks] == [32, 32, 32, 4]
    assert data.labels is not None
    assert accuracy(predict(identity, data), data.labels) == 0.5


def test_a_fixed_batch_is_kept_and_the_rest_left_out(tmp_path):
    data = read_evaluation_data(write(tmp_path / "data.npz", x=np.zeros((10, 2))), FIXED)
    assert [len(chunk["x"]) for chunk in data.chunks] == [4, 4]
    assert data.labels is None
    assert len(predict(identity, data)) == 8


def test_one_value_a_row_is_a_probability_or_a_class(tmp_path):
    data = read_evaluation_data(write(tmp_path / "data.npz", x=np.array([[0.0, 0.2], [0.0, 0.9]])), INPUTS)
    assert predict(lambda feeds: [feeds["x"][:, 1:]], data).tolist() == [False, True]
    assert predict(lambda feeds: [feeds["x"][:, 1].astype(np.int64) + 7], data).tolist() == [7, 7]


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"z": np.zeros((2, 2))}, "it has no array x, only z"),
        ({"x": np.zeros((2, 3))}, "its array x has shape [2, 3]; the spec declares [batch, 2]"),
        ({"x": np.zeros(2)}, "its array x has shape [2]"),
        ({"x": np.zeros((2, 2)), "labels": np.zeros(3)}, "its arrays have 2, 3 rows"),
        ({"x": np.zeros((0, 2))}, "its arrays have 0 rows"),
        ({"x": np.array([["a", "b"]])}, "not numbers"),
    ],
)
def test_data_that_does_not_fit(tmp_path, arrays, says):
    with pytest.raises(UserError) as caught:
        read_evaluation_data(write(tmp_path / "data.npz", **arrays), INPUTS)
    assert caught.value.reason == "DataInvalid"
    assert says in caught.value.message


def test_objects_are_never_unpickled(tmp_path):
    path = write(tmp_path / "data.npz", x=np.array([[{}, {}]], dtype=object))
    with pytest.raises(UserError, match=r"no \.npz file") as caught:
        read_evaluation_data(path, INPUTS)
    assert caught.value.reason == "DataInvalid"


@pytest.mark.parametrize("content", [b"", b"not a zip", b"\x93NUMPY\x01\x00"])
def test_what_is_no_npz(tmp_path, content):
    (tmp_path / "data.npz").write_bytes(content)
    with pytest.raises(UserError) as caught:
        read_evaluation_data(tmp_path / "data.npz", INPUTS)
    assert caught.value.reason == "DataInvalid"
