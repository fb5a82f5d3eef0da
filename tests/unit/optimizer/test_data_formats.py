"""Parquet and JSON lines: the same rows as any other file, rows of several sizes, and what is wrong in a sentence."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from slipway_optimizer.data import read_data, refuse_overlap
from slipway_optimizer.errors import UserError
from slipway_optimizer.spec import ModelSpec


def inputs(*declared):
    outputs = [{"name": "y"}]
    spec = {"source": {"uri": "file:///net.onnx"}, "format": "ONNX", "inputs": declared, "outputs": outputs}
    return ModelSpec.model_validate(spec).inputs


X = inputs({"name": "x", "shape": ["batch", 2, 3]})
IDS = {"name": "ids", "dtype": "int64", "shape": ["batch", "length"]}
MASK = {"name": "mask", "dtype": "int64", "shape": ["batch", "length"]}
TEXT = inputs(IDS, MASK)
PADDED = inputs({**IDS, "padValue": 9}, {**MASK, "padValue": 0})
SENTENCES = [[1, 2, 3], [4, 5], [6, 7, 8], [1]]


def json_lines(folder, *rows):
    path = folder / "data.jsonl"
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


def parquet(folder, **columns):
    path = folder / "data.parquet"
    pq.write_table(pa.table(columns), path, row_group_size=3)
    return path


def sentences(folder, kind, **more):
    columns = {"ids": SENTENCES, "mask": [[1] * len(ids) for ids in SENTENCES], **more}
    if kind == "parquet":
        return parquet(folder, **columns)
    return json_lines(folder, *(dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)))


@pytest.mark.parametrize("kind", ["parquet", "json"])
def test_nested_lists_are_the_same_rows_as_an_array(tmp_path, kind):
    x = np.random.default_rng(0).normal(size=(10, 2, 3)).astype(np.float32)
    np.savez(tmp_path / "data.npz", x=x)
    if kind == "parquet":
        path = parquet(tmp_path, x=x.tolist(), labels=list(range(10)), other=["ignored"] * 10)
    else:
        path = json_lines(tmp_path, *({"x": row, "labels": number} for number, row in enumerate(x.tolist())))
    data = read_data(path, X)
    (chunk,) = data.chunks()
    assert chunk["x"].dtype == np.float32
    assert np.array_equal(chunk["x"], x)
    assert data.labels.tolist() == list(range(10))
    assert data.row_digests() == read_data(tmp_path / "data.npz", X).row_digests()


@pytest.mark.parametrize("kind", ["parquet", "json"])
def test_rows_of_one_size_share_a_request(tmp_path, kind):
    data = read_data(sentences(tmp_path, kind, labels=[0, 1, 0, 1]), TEXT)
    batches = {tuple(batch.rows.tolist()): batch for batch in data.batches()}
    assert set(batches) == {(0, 2), (1,), (3,)}
    assert batches[0, 2].feeds["ids"].tolist() == [[1, 2, 3], [6, 7, 8]]
    assert batches[1,].feeds["mask"].tolist() == [[1, 1]]
    assert batches[1,].labels.tolist() == [1]


def test_labels_of_several_sizes_are_an_array_of_arrays(tmp_path):
    data = read_data(sentences(tmp_path, "json", labels=SENTENCES), TEXT)
    assert [row.tolist() for row in data.subset([3, 0]).labels] == [SENTENCES[3], SENTENCES[0]]
    assert [batch.labels.shape for batch in data.batches()] == [(1, 1), (1, 2), (2, 3)]


@pytest.mark.parametrize("kind", ["parquet", "json"])
def test_rows_are_padded_where_the_spec_says_with_what(tmp_path, kind):
    data = read_data(sentences(tmp_path, kind, labels=SENTENCES), PADDED)
    (batch,) = data.subset([1, 0]).batches()
    assert batch.feeds["ids"].tolist() == [[4, 5, 9], [1, 2, 3]]
    assert batch.feeds["mask"].tolist() == [[1, 1, 0], [1, 1, 1]]
    assert batch.labels.tolist() == [[4, 5, -100], [1, 2, 3]]
    assert data.row_digests() == read_data(sentences(tmp_path, kind), TEXT).row_digests()


def test_labels_that_are_quantities_keep_rows_apart(tmp_path):
    path = sentences(tmp_path, "json", labels=[[float(one) + 0.5 for one in ids] for ids in SENTENCES])
    assert [batch.feeds["ids"].shape for batch in read_data(path, PADDED).batches()] == [(1, 1), (1, 2), (2, 3)]


@pytest.mark.parametrize("kind", ["parquet", "json", "npz"])
def test_an_input_that_is_called_labels_is_an_input(tmp_path, kind):
    if kind == "parquet":
        path = parquet(tmp_path, labels=[[1.0], [2.0]])
    elif kind == "json":
        path = json_lines(tmp_path, {"labels": [1.0]}, {"labels": [2.0]})
    else:
        path = tmp_path / "data.npz"
        np.savez(path, labels=np.array([[1.0], [2.0]]))
    data = read_data(path, inputs({"name": "labels", "shape": ["batch", 1]}))
    assert data.labels is None
    assert next(data.chunks())["labels"].tolist() == [[1.0], [2.0]]


def test_columns_of_other_types_of_numbers_and_lists(tmp_path):
    x = np.arange(30).reshape(5, 2, 3)
    inner = pa.FixedSizeListArray.from_arrays(pa.array(x.ravel(), pa.uint8()), 3)
    fixed = pa.FixedSizeListArray.from_arrays(inner, 2)
    data = read_data(parquet(tmp_path, x=fixed, labels=pa.array([True, False, True, True, False])), X)
    (chunk,) = data.chunks()
    assert np.array_equal(chunk["x"], x)
    assert data.labels.tolist() == [1, 0, 1, 1, 0]


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"z": [1]}, "it has no column x, only z"),
        ({"x": ["a", "b"]}, "its column x holds string, not numbers"),
        ({"x": [[[1, 2, 3], [4, 5, 6]], None]}, "row 1 of its column x holds null"),
        ({"x": [[[1, 2, 3], [4, 5, 6]]] * 4 + [[[1, 2, 3], [4, None, 6]]]}, "row 4 of its column x holds null"),
        ({"x": [[[1, 2, 3], [4, 5]]]}, "row 0 of its column x has lists of unequal length inside"),
        ({"x": [[1, 2, 3]] * 4}, "row 0 of its column x has shape [3]; the spec asks for [2, 3]"),
        ({"x": pa.array([], pa.list_(pa.list_(pa.float32())))}, "its columns have 0 rows"),
    ],
)
def test_what_is_wrong_with_parquet(tmp_path, columns, says):
    with pytest.raises(UserError) as caught:
        read_data(parquet(tmp_path, **columns), X)
    assert caught.value.reason == "DataInvalid"
    assert says in caught.value.message


def test_parquet_that_is_cut(tmp_path):
    path = parquet(tmp_path, x=[[[1, 2, 3], [4, 5, 6]]] * 4)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UserError, match="no Parquet file that can be read"):
        read_data(path, X)


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([], "it is empty"),
        (["not JSON"], "row 0 is no JSON"),
        ([{"x": [[1, 2, 3]] * 2}, '{"x": [[1, 2'], "row 1 is no JSON"),
        (["[" * 100_000], "row 0 is no JSON"),
        ([[1, 2]], "row 0 is a JSON list, not an object with one field an input"),
        ([{"x": [[1, 2, 3]] * 2}, {"z": 1}], "row 1 has no x, only z"),
        ([{"x": [[1, 2, 3]] * 2, "labels": 1}, {"x": [[1, 2, 3]] * 2}], "row 1 has no labels, only x"),
        ([{"x": [[1, 2, 3], [1, 2]]}], "row 0 of its column x has lists of unequal length inside"),
        ([{"x": [[1, 2, 3], [1, 2, None]]}], "row 0 of its column x holds null or an object"),
        ([{"x": "cat"}], "row 0 of its column x holds text"),
        ([{"x": [[1, 2, 3]] * 2}, {"x": [[1, 2, 3]]}], "row 1 of its column x has shape [1, 3]; the spec asks for"),
    ],
)
def test_what_is_wrong_with_json_lines(tmp_path, lines, says):
    with pytest.raises(UserError) as caught:
        read_data(json_lines(tmp_path, *lines), X)
    assert caught.value.reason == "DataInvalid"
    assert says in caught.value.message


def test_a_line_that_would_not_fit_memory(tmp_path, monkeypatch):
    monkeypatch.setattr("slipway_optimizer.data.json_lines.LONGEST_LINE", 100)
    with pytest.raises(UserError, match="a line of more than 100 bytes"):
        read_data(json_lines(tmp_path, {"x": [[1.0] * 3] * 20}), X)


def test_a_row_of_nothing(tmp_path):
    with pytest.raises(UserError, match=r"row 1 of its column ids has shape \[0\]; the spec asks for \[length\]"):
        read_data(json_lines(tmp_path, {"ids": [1], "mask": [1]}, {"ids": [], "mask": []}), TEXT)


def test_inputs_that_share_an_axis_agree_on_its_size(tmp_path):
    rows = [{"ids": [1, 2], "mask": [1, 1]}, {"ids": [1, 2, 3], "mask": [1, 1]}]
    with pytest.raises(UserError, match="in row 1, ids and mask differ in the size of length"):
        read_data(json_lines(tmp_path, *rows), TEXT)


def test_what_calibrates_must_not_judge(tmp_path):
    (tmp_path / "evaluation").mkdir()
    x = np.arange(60).reshape(10, 2, 3)
    np.savez(tmp_path / "evaluation/data.npz", x=x[:6])
    evaluation = read_data(tmp_path / "evaluation/data.npz", X)
    refuse_overlap(evaluation, read_data(parquet(tmp_path, x=x[6:].tolist()), X), "calibration")
    with pytest.raises(UserError) as caught:
        refuse_overlap(evaluation, read_data(parquet(tmp_path, x=x[::-1][1:6].tolist()), X), "calibration")
    assert caught.value.reason == "DataInvalid"
    assert "2 of the 5 rows of the calibration data are in the evaluation data too, the first is row 3" in str(
        caught.value
    )


@pytest.mark.parametrize(
    ("declared", "says"),
    [
        ([{"name": "x", "shape": ["batch", 3], "padValue": 0}], "the rows of x do not vary in size: remove padValue"),
        ([{**IDS, "padValue": 0.5}], "padValue has to be a whole number"),
        ([{**IDS, "padValue": 0}, MASK], "set padValue on all inputs"),
        ([IDS, {"name": "state", "shape": [2, "batch"], "padValue": 0}], "the rows of state do not vary in size"),
    ],
)
def test_padding_that_would_not_work(declared, says):
    with pytest.raises(ValueError, match=says):
        inputs(*declared)
