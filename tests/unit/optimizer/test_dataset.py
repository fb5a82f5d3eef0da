"""Rows, requests, labels and digests of a data set; the file is an .npz, which is the simplest."""

import zipfile

import numpy as np
import pytest
from support.optimizer import model_spec
from support.quantizing import dataset_of

from slipway_optimizer.data import read_data
from slipway_optimizer.errors import UserError


def inputs(**declared):
    return model_spec(declared, ["y"]).inputs


ROWS = inputs(x=("float32", ["batch", 2]))


def saved(path, **arrays):
    np.savez(path / "data.npz", **arrays)
    return path / "data.npz"


def test_chunks_of_rows_in_order_as_declared(tmp_path):
    data = read_data(saved(tmp_path, x=np.arange(20).reshape(10, 2)), ROWS)
    chunks = list(data.chunks(4))
    assert [len(chunk["x"]) for chunk in chunks] == [4, 4, 2]
    assert chunks[0]["x"].dtype == np.float32
    assert np.concatenate([chunk["x"] for chunk in chunks]).ravel().tolist() == list(range(20))
    assert (data.rows, data.labels) == (10, None)


def test_labels_go_with_their_rows_into_a_subset(tmp_path):
    path = saved(tmp_path, x=np.arange(20).reshape(10, 2), labels=np.arange(10) * 100)
    data = read_data(path, ROWS).subset([7, 3, 5]).subset([2, 0])
    (batch,) = data.batches()
    assert batch.feeds["x"][:, 0].tolist() == [10, 14]
    assert batch.labels.tolist() == data.labels.tolist() == [500, 700]


def test_a_fixed_number_of_rows_is_filled_up_with_the_last(tmp_path):
    data = read_data(saved(tmp_path, x=np.arange(12).reshape(6, 2)), inputs(x=("float32", [4, 2])))
    assert [batch.rows.tolist() for batch in data.batches()] == [[0, 1, 2, 3], [4, 5, 5, 5]]
    assert [len(chunk["x"]) for chunk in data.chunks()] == [4, 4]


@pytest.mark.parametrize(("row", "rows"), [((1,), [32, 8]), ((1 << 18,), [4] * 10), ((1 << 21,), [1] * 40)])
def test_few_large_rows_share_a_request_and_many_small_ones(row, rows):
    data = dataset_of({"x": np.broadcast_to(np.float32(1), (40, *row))})
    assert [len(batch.rows) for batch in data.batches()] == rows
    assert [len(chunk["x"]) for chunk in data.chunks(20)] == [20, 20]


def test_rows_go_where_the_input_has_them(tmp_path):
    declared = inputs(audio=("float32", ["batch", 3]), state=("float32", [2, "batch", 4]))
    state = np.arange(40).reshape(5, 2, 4)
    data = read_data(saved(tmp_path, audio=np.zeros((5, 3)), state=state), declared)
    first, second = data.chunks(3)
    assert (first["state"].shape, second["state"].shape) == ((2, 3, 4), (2, 2, 4))
    assert first["state"][:, 1].tolist() == state[1].tolist()


def test_rows_share_a_request_where_they_agree_on_what_all_share(tmp_path):
    declared = inputs(audio=("float32", ["batch", 1]), rate=("int64", []))
    path = saved(tmp_path, audio=np.arange(4).reshape(4, 1), rate=np.array([8000, 16000, 8000, 16000]))
    found = {int(batch.feeds["rate"]): batch.rows.tolist() for batch in read_data(path, declared).batches()}
    assert found == {8000: [0, 2], 16000: [1, 3]}


def test_a_digest_tells_equal_rows_in_any_dtype_and_order(tmp_path):
    (tmp_path / "other").mkdir()
    one = read_data(saved(tmp_path, x=np.arange(20).reshape(10, 2)), ROWS)
    other = read_data(saved(tmp_path / "other", x=np.arange(20.0)[::-1].reshape(10, 2)[:, ::-1]), ROWS)
    assert one.row_digests() == other.row_digests()[::-1]
    assert len(set(one.row_digests())) == 10


def test_a_compressed_array_in_column_order_is_read_too(tmp_path):
    np.savez_compressed(tmp_path / "data.npz", x=np.asfortranarray(np.arange(20).reshape(10, 2)))
    (chunk,) = read_data(tmp_path / "data.npz", ROWS).chunks()
    assert chunk["x"].ravel().tolist() == list(range(20))


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"z": np.zeros((2, 2))}, "it has no array x, only z"),
        ({"x": np.zeros((2, 3))}, "its array x has shape [2, 3]; the spec asks for [rows, 2]"),
        ({"x": np.zeros(2)}, "its array x has shape [2]"),
        ({"x": np.zeros((2, 2)), "labels": np.zeros(3)}, "its columns have 2, 3 rows"),
        ({"x": np.zeros((2, 2)), "labels": np.array(3)}, "labels is a single value"),
        ({"x": np.zeros((2, 2)), "labels": np.array(["a", "b"])}, "labels holds <U1, not numbers"),
        ({"x": np.zeros((0, 2))}, "its columns have 0 rows"),
        ({"x": np.array([["a", "b"]])}, "not numbers"),
        ({"x": np.array([[{}, {}]], dtype=object)}, "Python objects, which are never unpickled"),
    ],
)
def test_what_does_not_fit(tmp_path, arrays, says):
    with pytest.raises(UserError) as caught:
        read_data(saved(tmp_path, **arrays), ROWS, "calibration")
    assert caught.value.reason == "DataInvalid"
    assert caught.value.message.startswith("The calibration data cannot be used: ")
    assert says in caught.value.message


@pytest.mark.parametrize("values", [[[1, 2], [3, 4.5]], [[1, 2], [3, 300]], [[1, 2], [3, -1]], [[1, 2], [3, np.nan]]])
def test_integers_that_the_input_cannot_hold(tmp_path, values):
    with pytest.raises(UserError, match=r"row 1 of its column x holds .*, and the spec declares uint8"):
        read_data(saved(tmp_path, x=np.array(values)), inputs(x=("uint8", ["batch", 2])))


def test_numbers_that_a_float_cannot_hold(tmp_path):
    path = saved(tmp_path, x=np.array([[1.0, np.inf], [70000.0, np.nan]]))
    with pytest.raises(UserError, match=r"row 1 of its column x holds 70000.0, and the spec declares float16"):
        read_data(path, inputs(x=("float16", ["batch", 2])))
    assert read_data(path, ROWS).rows == 2


@pytest.mark.parametrize("content", [b"\x93NUMPY\x01\x00", b"PK\x03\x04 cut"])
def test_what_is_no_npz(tmp_path, content):
    (tmp_path / "data.npz").write_bytes(content)
    with pytest.raises(UserError, match="The evaluation data cannot be used") as caught:
        read_data(tmp_path / "data.npz", ROWS)
    assert caught.value.reason == "DataInvalid"


def test_an_array_that_is_shorter_than_it_says(tmp_path):
    path = saved(tmp_path, x=np.zeros((4, 2)))
    with zipfile.ZipFile(path) as archive:
        content = archive.read("x.npy")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", content[:-8])
    with pytest.raises(UserError, match=r"no \.npz file"):
        read_data(path, ROWS)
