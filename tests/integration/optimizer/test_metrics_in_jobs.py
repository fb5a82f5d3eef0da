"""Whole Jobs that are judged by a function of the user's, and that are refused for their data or their metric."""

import json
from typing import Any

import numpy as np
import pytest
from support.optimizer import TINY_MODELS
from support.optimizer_jobs import run, weights_only

from slipway_optimizer.errors import UserError

X: Any = {"x": ("float32", ["batch", 256])}
METRIC = """
import numpy as np

def closeness(outputs, original):
    assert outputs["y"].shape == original["y"].shape == (40, 8)
    return -float(np.abs(outputs["y"] - original["y"]).max())
"""


@pytest.fixture
def rows() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((40, 256)).astype(np.float32)


def test_a_function_judges_every_candidate(tmp_path, rows):
    """Without labels it is given the original's outputs."""
    (tmp_path / "both.py").write_text(TINY_MODELS.read_text() + METRIC)
    data = tmp_path / "rows.jsonl"
    data.write_text("".join(json.dumps({"x": row}) + "\n" for row in rows.tolist()))
    model = {**weights_only("Mlp", tmp_path, (X, ["y"])), "factory": "both:Mlp"}
    model["code"] = {"uri": (tmp_path / "both.py").as_uri()}
    evaluate = {"data": {"uri": data.as_uri()}, "metric": "Function", "function": "both:closeness", "maxDrop": 1e-9}
    manifest = run(tmp_path, model, {"quantize": {"mode": "DynamicINT8"}, "evaluate": evaluate}).manifest
    plain, quantized = manifest.candidates
    assert manifest.reference.score == 0.0
    assert -1e-4 < plain.score <= 0.0
    assert quantized.score < plain.score
    assert quantized.drop == pytest.approx(plain.score - quantized.score, abs=1e-6)
    assert (plain.chosen, quantized.chosen) == (True, False)


@pytest.mark.parametrize(
    ("evaluate", "labels", "reason", "says"),
    [
        ({"metric": "Accuracy"}, np.full(40, 8), "MetricInvalid", "The label of row 0 is 8, and the classes"),
        ({"metric": "MSE"}, np.zeros(40), "MetricInvalid", "give one value for each of the output"),
        ({"metric": "Function", "function": "tiny_models:absent"}, None, "MetricInvalid", "tiny_models has no absent"),
        ({"metric": "Accuracy"}, np.zeros(3), "DataInvalid", "its columns have 3, 40 rows"),
    ],
)
def test_what_is_wrong_with_the_metric_shows_before_anything_is_made(tmp_path, rows, evaluate, labels, reason, says):
    np.savez(tmp_path / "data.npz", x=rows, **({} if labels is None else {"labels": labels}))
    optimize = {"evaluate": {"data": {"uri": (tmp_path / "data.npz").as_uri()}, **evaluate}}
    with pytest.raises(UserError) as caught:
        run(tmp_path, weights_only("Mlp", tmp_path, (X, ["y"])), optimize)
    assert caught.value.reason == reason
    assert says in caught.value.message
    assert not list((tmp_path / "store").glob("*/manifest.json"))
