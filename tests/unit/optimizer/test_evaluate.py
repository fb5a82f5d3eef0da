"""Scores: each metric against labels and against the original model, and every way in which there is none."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support.optimizer import model_spec

from slipway_optimizer.data import read_data
from slipway_optimizer.errors import UserError
from slipway_optimizer.evaluate import Evaluation, ScoreError, drop, prepare_evaluation
from slipway_optimizer.spec import Evaluate, ModelSpec

LOGITS = np.array([[3.0, 1, 0], [0, 2, 1], [0, 1, 5], [9, 1, 8]])


def identity(feeds):
    return [feeds["x"]]


@pytest.fixture
def evaluation(tmp_path: Path) -> Callable[..., Evaluation]:
    """An evaluation of models with one input, x, and one output, y, whose original is the identity."""

    def make(x, labels=None, run=identity, **spec):
        rows = np.asarray(x)
        np.savez(tmp_path / "data.npz", x=rows, **({} if labels is None else {"labels": np.asarray(labels)}))
        declared = model_spec({"x": (str(rows.dtype), ["batch", *rows.shape[1:]])}, ["y"]).inputs
        data = read_data(tmp_path / "data.npz", declared)
        return prepare_evaluation(
            Evaluate.model_validate({"data": {"uri": "file:///data.npz"}, **spec}), data, ["y"], run, tmp_path
        )

    return make


@pytest.mark.parametrize(
    ("spec", "labels", "score"),
    [
        ({"metric": "Accuracy"}, [0, 1, 2, 2], 0.75),
        ({"metric": "Accuracy"}, [[0.0], [1], [-100], [2]], 2 / 3),
        ({"metric": "TopK", "k": 2}, [0, 0, 2, 2], 0.75),
        ({"metric": "F1"}, [0, 1, 2, 2], (2 / 3 + 1 + 2 / 3) / 3),
        ({"metric": "MSE"}, LOGITS + np.array([2, 0, 0]), 4 / 3),
        ({"metric": "Pearson"}, LOGITS * 3 + 1, 1.0),
        ({"metric": "Spearman"}, np.exp(LOGITS), 1.0),
    ],
)
def test_against_labels(evaluation, spec, labels, score):
    assert evaluation(LOGITS, labels, **spec).score(identity) == pytest.approx(score)


@pytest.mark.parametrize("spec", [{}, {"metric": "TopK", "k": 2}, {"metric": "F1"}, {"metric": "AUC"}])
@pytest.mark.parametrize("dtype", ["int64", "float32", "bool"])
def test_one_hot_labels_are_classes(evaluation, spec, dtype):
    classes = np.array([0, 1, 2, 2])
    one_hot = np.eye(3)[classes].astype(dtype)
    assert evaluation(LOGITS, one_hot, **spec).score(identity) == evaluation(LOGITS, classes, **spec).score(identity)


def test_one_hot_labels_of_many_rows_and_of_positions(evaluation):
    generator = np.random.default_rng(0)
    for shape, axis in (((100, 5), 1), ((40, 6, 5), 2), ((40, 5, 4, 4), 1)):
        scores = generator.random(shape)
        best = scores.argmax(axis=axis)
        one_hot = np.moveaxis(np.eye(5)[best], -1, axis)
        assert evaluation(scores, one_hot).score(identity) == 1.0
        assert evaluation(scores, np.roll(one_hot, 1, axis=axis)).score(identity) == 0.0


def test_several_classes_a_row_are_told_apart_from_one_of_them(evaluation):
    chances = np.tile([[0.9, 0.2, 0.7], [0.1, 0.8, 0.3]], (30, 1))
    labels = np.tile([[1, 0, 0], [0, 1, 0]], (30, 1))
    assert evaluation(chances, labels).score(identity) == 1.0
    labels[-1] = [1, 1, 0]
    assert evaluation(chances, labels).score(identity) == pytest.approx((30 * 2 + 29 * 3 + 2) / 180)


@pytest.mark.parametrize(
    ("scores", "labels"),
    [
        ([[-np.inf], [0.1], [0.2], [np.inf]], [0, 0, 1, 1]),
        ([[np.inf, -np.inf], [1, 0], [0, 0], [0, np.inf]], [0, 0, 1, 1]),
        ([[np.inf, 0, 0], [0, 1, -np.inf], [0, 0, 1], [9, 0, -np.inf]], [0, 1, 2, 0]),
    ],
)
def test_infinite_scores_have_an_order(evaluation, scores, labels):
    assert evaluation(np.array(scores), labels, metric="AUC").score(identity) == 1.0


@pytest.mark.parametrize(
    ("spec", "own", "other"),
    [
        ({"metric": "Accuracy"}, 1.0, 0.25),
        ({"metric": "TopK", "k": 2}, 1.0, 0.5),
        ({"metric": "F1"}, 1.0, 1 / 3),
        ({"metric": "AUC"}, 1.0, None),
        ({"metric": "MSE"}, 0.0, None),
        ({"metric": "Pearson"}, 1.0, None),
        ({"metric": "Spearman"}, 1.0, None),
    ],
)
def test_without_labels_the_original_model_is_right(evaluation, spec, own, other):
    against = evaluation(LOGITS, **spec)
    assert against.score(identity) == pytest.approx(own)
    mirrored = against.score(lambda feeds: [feeds["x"][:, ::-1]])
    assert drop(spec["metric"], own, mirrored) > 0
    if other is not None:
        assert mirrored == pytest.approx(other)


def test_less_is_better_for_a_squared_error_only():
    assert drop("MSE", 0.25, 0.75) == 0.5
    assert drop("Accuracy", 0.75, 0.25) == 0.5
    assert drop("Function", 0.25, 0.75) == -0.5


def test_a_drop_has_no_dust_and_loses_nothing_small():
    assert drop("Accuracy", 0.75, 0.74) == 0.01
    assert drop("MSE", 1e-9, 3e-9) == 2e-9


def test_one_value_a_row_is_a_probability_or_a_class(evaluation):
    chances = np.array([0.2, 0.9, 0.6, 0.4])
    assert evaluation(chances, [0, 1, 0, 0]).score(identity) == 0.75
    assert evaluation(chances[:, None], [0, 1, 0, 1], metric="F1", average="Binary").score(identity) == 0.5
    assert evaluation(chances, [0, 1, 1, 0], metric="AUC").score(identity) == 1.0
    classes = np.array([7, 8, 9, 7])
    assert evaluation(classes, [7, 8, 9, 9]).score(identity) == 0.75


@pytest.mark.parametrize("shape", [(5, 3), (3, 5)])
def test_classes_are_along_the_axis_that_labels_lack(evaluation, shape):
    scores = np.zeros((2, *shape))
    (np.moveaxis(scores, 1 + shape.index(3), -1))[..., 2] = 1.0
    assert evaluation(scores, np.full((2, 5), 2)).score(identity) == 1.0


def test_a_map_of_pixels_has_its_classes_first(evaluation):
    scores = np.random.default_rng(0).random((2, 4, 4, 4))
    against = evaluation(scores)
    assert against.score(identity) == 1.0
    assert against.score(lambda feeds: [feeds["x"][:, ::-1]]) == 0.0
    assert evaluation(scores, scores.argmax(axis=1)).score(identity) == 1.0


def test_the_area_under_the_curve_is_the_same_for_logits_and_probabilities(evaluation):
    generator = np.random.default_rng(1)
    for classes in (2, 4):
        logits = generator.normal(size=(200, classes)) * 3
        labels = (logits + generator.normal(size=logits.shape) * 3).argmax(axis=1)
        chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        plain, known = (evaluation(scores, labels, metric="AUC").score(identity) for scores in (logits, chances))
        assert plain == pytest.approx(known)
        assert 0.7 < plain < 1.0


@pytest.mark.parametrize(
    ("x", "labels", "spec", "says"),
    [
        (LOGITS, [0, 1, 2, 3], {}, "The label of row 3 is 3, and the classes of the output y are 0 to 2"),
        (LOGITS, [0, 1.5, 2, 2], {}, "The label of row 1 is 1.5"),
        (LOGITS, [0, -1, 2, 2], {"metric": "AUC"}, "The label of row 1 is -1"),
        (LOGITS, [[0, 1]] * 4, {}, r"The labels of a row have shape [2], and the output y has [3]"),
        (LOGITS, [-100] * 4, {}, "Every label is -100"),
        (LOGITS, None, {"metric": "TopK", "k": 3}, "TopK with k 3 holds for every answer: the output y has 3 classes"),
        (LOGITS, [0, 1, 2, 2], {"metric": "F1", "average": "Binary"}, "there is a class 2"),
        (LOGITS, [1, 1, 1, 1], {"metric": "AUC"}, "AUC needs rows of more than one class, and all are of class 1"),
        (LOGITS, [1, 2, 3, 4], {"metric": "MSE"}, "The labels of a row have shape [], and the output y has [3]"),
        (LOGITS[:, 0], [1, 1, 1, 1], {"metric": "Pearson"}, "the truth is 1 everywhere"),
        (LOGITS[:, :1] * 0, [1, 2, 3, 4], {"metric": "Spearman"}, "the prediction is 0 everywhere"),
        (LOGITS[:, 0], [1, 2, 3, np.nan], {"metric": "MSE"}, "The label of row 3 is not a finite number"),
        (np.array([1, 2, np.inf]), [1, 2, 3], {"metric": "MSE"}, "MSE of the output y is inf"),
        (np.where(LOGITS == 9, np.nan, LOGITS), [0, 1, 2, 2], {}, "The output y is not a number (NaN) for row 3"),
    ],
)
def test_what_has_no_score(evaluation, x, labels, spec, says):
    with pytest.raises(ScoreError) as caught:
        evaluation(x, labels, **spec).score(identity)
    assert says in str(caught.value)


@pytest.mark.parametrize("padding", [{}, {"padValue": 0}])
def test_labels_of_tokens_in_sentences_of_several_lengths(tmp_path, padding):
    """Three of the eight tokens that somebody labelled are wrong, however the sentences share requests."""
    sentences, tags = [[1, 2, 3], [4], [1, 2], [3, 4, 0]], [[1, 2, 0], [4], [0, 2], [3, -100, 4]]
    rows = [{"ids": ids, "labels": labels} for ids, labels in zip(sentences, tags, strict=True)]
    (tmp_path / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    declared = {"name": "ids", "dtype": "int64", "shape": ["batch", "tokens"], **padding}
    spec = {"source": {"uri": "file:///net.onnx"}, "inputs": [declared], "outputs": [{"name": "y"}]}
    data = read_data(tmp_path / "data.jsonl", ModelSpec.model_validate(spec).inputs)

    def run(feeds):
        return [np.eye(5)[feeds["ids"]]]

    by_accuracy = Evaluate.model_validate({"data": {"uri": "file:///data.jsonl"}})
    assert prepare_evaluation(by_accuracy, data, ["y"], run, None).score(run) == 5 / 8


def test_a_function_gets_outputs_of_several_sizes_as_an_array_of_arrays(tmp_path):
    (tmp_path / "own_metric.py").write_text("def total(outputs, labels): return sum(row.sum() for row in outputs['y'])")
    (tmp_path / "data.jsonl").write_text("".join(json.dumps({"x": row}) + "\n" for row in ([1, 2], [3], [4, 5])))
    declared = model_spec({"x": ("float32", ["batch", "length"])}, ["y"]).inputs
    data = read_data(tmp_path / "data.jsonl", declared)
    spec = {"data": {"uri": "file:///data.jsonl"}, "metric": "Function", "function": "own_metric:total"}
    evaluation = prepare_evaluation(Evaluate.model_validate(spec), data, ["y"], identity, tmp_path)
    assert evaluation.score(identity) == 15.0


def test_an_output_without_rows_is_refused(evaluation):
    with pytest.raises(ScoreError, match=r"The output y has shape \[3\] for 4 rows.*set evaluate.output"):
        evaluation(LOGITS, [0, 1, 2, 2]).score(lambda feeds: [feeds["x"].sum(axis=0)])


FUNCTIONS = """
import numpy as np

def cosines(outputs, labels):
    y = outputs["y"]
    pairs = (y[0::2] * y[1::2]).sum(axis=1) / np.linalg.norm(y[0::2], axis=1) / np.linalg.norm(y[1::2], axis=1)
    return -np.abs(pairs - labels[0::2]).mean()

def agreement(outputs, original):
    return np.float32((outputs["y"] == original["y"]).mean())

def careless(outputs, labels):
    score = float((outputs["y"] * labels[:, None]).sum())
    labels[:] = 0
    return score

def broken(outputs, labels):
    raise KeyError("embedding")

def leaves(outputs, labels):
    raise SystemExit(3)

def several(outputs, labels):
    return [1, 2]

def nothing(outputs, labels):
    return float("nan")
"""


@pytest.fixture
def functions(tmp_path):
    (tmp_path / "own_metric.py").write_text(FUNCTIONS)

    def spec(name):
        return {"metric": "Function", "function": f"own_metric:{name}"}

    return spec


def test_a_function_gets_all_rows_and_labels(evaluation, functions):
    rows = [[1.0, 0], [1, 0], [1, 0], [0, 1]]
    assert evaluation(rows, [1.0, 1, 0.5, 0.5], **functions("cosines")).score(identity) == -0.25


def test_a_function_gets_what_the_original_says_where_there_are_no_labels(evaluation, functions):
    against = evaluation(LOGITS, **functions("agreement"))
    assert against.score(identity) == 1.0
    assert against.score(lambda feeds: [np.where(feeds["x"] == 9, 0, feeds["x"])]) == pytest.approx(11 / 12)


def test_what_a_function_does_to_its_arguments_stays_there(evaluation, functions):
    against = evaluation(LOGITS, [1, 1, 1, 1], **functions("careless"))
    assert against.score(identity) == against.score(identity) == LOGITS.sum()


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("broken", "The function own_metric:broken failed with KeyError: 'embedding'."),
        ("leaves", "The function own_metric:leaves failed with SystemExit: 3."),
        ("several", "The function own_metric:several returned a list: it has to return one number."),
        ("nothing", "The function own_metric:nothing returned nan: it has to return a finite number."),
    ],
)
def test_a_function_that_gives_no_score(evaluation, functions, name, says):
    with pytest.raises(ScoreError) as caught:
        evaluation(LOGITS, **functions(name)).score(identity)
    assert str(caught.value) == says


def test_a_function_that_is_not_there(evaluation, functions):
    with pytest.raises(
        UserError, match=r"own_metric has no absent; it has .*: correct spec.optimize.evaluate.function"
    ):
        evaluation(LOGITS, **functions("absent"))


def test_the_original_is_run_once(evaluation):
    calls = []

    def original(feeds):
        calls.append(len(feeds["x"]))
        return identity(feeds)

    against = evaluation(LOGITS, run=original)
    assert (against.score(original), against.score(identity), against.score(original)) == (1.0, 1.0, 1.0)
    assert calls == [4]


def test_a_rehearsal_finds_labels_that_do_not_fit(evaluation):
    evaluation(LOGITS, [0, 1, 2, 2]).rehearse()
    with pytest.raises(ScoreError, match="The label of row 3 is 3"):
        evaluation(LOGITS, [0, 1, 2, 3]).rehearse()
