"""The recipes in examples/data.md do what they say."""

import re
from pathlib import Path

import numpy as np
import pytest
import yaml

from slipway_optimizer.data import read_data
from slipway_optimizer.evaluate import prepare_evaluation
from slipway_optimizer.spec import Evaluate, ModelSpec

RECIPES = (Path(__file__).parents[3] / "examples/data.md").read_text()
PAIRS = re.findall(r"```yaml\n(.*?)```\n```python\n(.*?)```", RECIPES, re.DOTALL)
FILES = ["digits.npz", "customers.parquet", "sentences.jsonl", "pictures.zip"]


@pytest.mark.parametrize(("recipe", "file"), list(zip(PAIRS, FILES, strict=False)), ids=FILES)
def test_a_file_as_in_the_recipe_fits_the_inputs_beside_it(tmp_path, monkeypatch, recipe, file):
    monkeypatch.chdir(tmp_path)
    declared, code = recipe
    exec(code, {})  # noqa: S102 - our own text
    model = {"source": {"uri": "file:///net.onnx"}, "format": "ONNX", "outputs": [{"name": "y"}]}
    data = read_data(tmp_path / file, ModelSpec.model_validate({**model, **yaml.safe_load(declared)}).inputs)
    assert data.rows == len(data.labels) >= 2
    assert set(data.labels.tolist()) >= {0, 1}
    assert sum(1 for _ in data.batches()) == -(-data.rows // 32)


def test_the_function_in_the_recipe_scores_pairs(tmp_path):
    spec, code = PAIRS[-1]
    (tmp_path / "similarity.py").write_text(code)
    vectors, labels = np.array([[1.0, 0], [1, 0], [1, 0], [1, 1], [1, 0], [0, 1]]), np.array([5, 5, 3, 3, 0, 0])
    np.savez(tmp_path / "pairs.npz", x=vectors, labels=labels)
    inputs = [{"name": "x", "shape": ["batch", 2]}]
    model = {"source": {"uri": "file:///net.onnx"}, "format": "ONNX", "outputs": [{"name": "embedding"}]}
    data = read_data(tmp_path / "pairs.npz", ModelSpec.model_validate({**model, "inputs": inputs}).inputs)
    wanted = Evaluate.model_validate(yaml.safe_load(spec)["evaluate"])

    def run(feeds):
        return [feeds["x"]]

    assert prepare_evaluation(wanted, data, ["embedding"], run, tmp_path).score(run) > 0.95
