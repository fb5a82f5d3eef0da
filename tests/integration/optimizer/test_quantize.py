"""Lossy variants of real models: built, measured on data, and served only inside the budget."""

import io
import json
from typing import Any

import numpy as np
import pytest
import torch
from support.optimizer import write_spec
from support.optimizer_jobs import Done, build, golden_holds, run, was_timed, weights_only

from slipway_optimizer.errors import UserError
from slipway_optimizer.job import Order, run_job
from slipway_optimizer.progress import Progress

X: Any = {"x": ("float32", ["batch", 256])}
ROWS = 200


def data_of(folder, module, x):
    with torch.no_grad():
        labels = module(torch.from_numpy(x)).argmax(1).numpy()
    np.savez(folder / "data.npz", x=x, labels=labels)
    return {"uri": (folder / "data.npz").as_uri()}


def candidates(done: Done) -> dict[str, Any]:
    return {candidate.variant: candidate for candidate in done.manifest.candidates}


@pytest.fixture(scope="module")
def auto(tmp_path_factory):
    folder = tmp_path_factory.mktemp("auto")
    x = np.random.default_rng(0).standard_normal((ROWS, 256)).astype(np.float32)
    evaluate = {"data": data_of(folder, build("Mlp"), x), "maxDrop": 0.05, "minSpeedup": 1.1}
    return run(folder, weights_only("Mlp", folder, (X, ["y"])), {"quantize": {"mode": "Auto"}, "evaluate": evaluate})


def test_every_variant_is_measured_and_explained(auto):
    measured = candidates(auto)
    assert list(measured) == ["FP32", "FP16", "DynamicINT8", "StaticINT8", "INT4"]
    for name, says in (("StaticINT8", "there are no convolutions"), ("INT4", "products of transformers")):
        assert says in measured.pop(name).reason
    assert measured["FP32"].score == 1.0
    assert measured["DynamicINT8"].size_bytes < 0.4 * measured["FP32"].size_bytes
    assert 0.4 < measured["FP16"].size_bytes / measured["FP32"].size_bytes < 0.6
    for candidate in measured.values():
        assert candidate.score is not None
        assert was_timed(candidate)
        assert candidate.max_abs_diff is not None
        assert candidate.reason


def test_the_served_variant_is_inside_the_budget(auto):
    chosen = auto.manifest.chosen
    if chosen.variant != "FP32":
        assert chosen.drop <= 0.05
        assert chosen.speedup_low >= 1.1
    assert auto.result.measured.size_bytes == chosen.size_bytes == (auto.artifact / "model.onnx").stat().st_size
    assert golden_holds(auto)


def test_integers_that_wreck_the_answers_are_never_served(tmp_path):
    """One input of a hundred thousand, which the model ignores, takes all 256 steps of an 8-bit activation."""
    module = build("Mlp")
    with torch.no_grad():
        module.layers[0].weight[:, 0] = 0
    model = weights_only("Mlp", tmp_path, (X, ["y"]))
    torch.save(module.state_dict(), tmp_path / "Mlp.pth")
    x = np.random.default_rng(0).standard_normal((ROWS, 256)).astype(np.float32)
    x[:, 0] = 60_000
    evaluate = {"data": data_of(tmp_path, module, x), "maxDrop": 0.05, "minSpeedup": 0.01}
    done = run(tmp_path, model, {"quantize": {"mode": "DynamicINT8"}, "evaluate": evaluate})
    integers = candidates(done)["DynamicINT8"]
    assert integers.drop > 0.3
    assert done.result.variant == "FP32"
    assert f"DynamicINT8 loses {integers.drop:.4f} of Accuracy, and maxDrop is 0.05." in done.result.reason


def test_without_data_a_lossy_variant_has_to_be_allowed(tmp_path):
    model = weights_only("Mlp", tmp_path, (X, ["y"]))
    wanted = {"quantize": {"mode": "DynamicINT8"}}
    done = run(tmp_path, model, wanted)
    assert list(candidates(done)) == ["FP32", "DynamicINT8"]
    assert done.result.variant == "FP32"
    assert "allow it with spec.optimize.allowLossy" in done.result.reason
    # By size: which of the two is faster is for the machine to say.
    allowed = run(tmp_path, model, {**wanted, "allowLossy": True, "evaluate": {"objective": "Size"}})
    assert allowed.result.variant == "DynamicINT8"
    assert golden_holds(allowed)


def test_data_without_labels_is_compared_with_the_original(tmp_path):
    x = np.random.default_rng(0).standard_normal((40, 256)).astype(np.float32)
    np.savez(tmp_path / "data.npz", x=x)
    evaluate = {"data": {"uri": (tmp_path / "data.npz").as_uri()}}
    done = run(
        tmp_path, weights_only("Mlp", tmp_path, (X, ["y"])), {"quantize": {"mode": "FP16"}, "evaluate": evaluate}
    )
    assert done.manifest.reference.score == 1.0
    assert candidates(done)["FP32"].score == 1.0


def test_data_that_does_not_fit_is_the_users_error(tmp_path):
    np.savez(tmp_path / "data.npz", image=np.zeros((4, 256), np.float32))
    evaluate = {"data": {"uri": (tmp_path / "data.npz").as_uri()}}
    with pytest.raises(UserError) as caught:
        run(tmp_path, weights_only("Mlp", tmp_path, (X, ["y"])), {"evaluate": evaluate})
    assert caught.value.reason == "DataInvalid"


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"image": np.zeros((10, 256), np.float32)}, "The calibration data cannot be used: "),
        ({"x": np.ones((10, 256), np.float32)}, "10 of the 10 rows of the calibration data are in the evaluation data"),
    ],
    ids=["another input", "rows that are scored"],
)
def test_calibration_data_that_does_not_fit_is_found_before_the_export(tmp_path, columns, says):
    np.savez(tmp_path / "data.npz", x=np.ones((4, 256), np.float32))
    np.savez(tmp_path / "rows.npz", **columns)
    data, rows = ({"uri": (tmp_path / name).as_uri()} for name in ("data.npz", "rows.npz"))
    optimize = {"quantize": {"mode": "StaticINT8", "calibration": {"data": rows}}, "evaluate": {"data": data}}
    spec = write_spec(tmp_path, weights_only("Mlp", tmp_path, (X, ["y"])), optimize)
    said = io.StringIO()
    with pytest.raises(UserError) as caught:
        run_job(spec, str(tmp_path / "store"), Order(), Progress(said))
    assert caught.value.reason == "DataInvalid"
    assert says in caught.value.message
    assert {json.loads(line)["stage"] for line in said.getvalue().splitlines()} == {"Fetch", "Load"}


def test_half_precision_to_the_ends_is_said_in_the_manifest(tmp_path):
    optimize = {
        "quantize": {"mode": "FP16", "keepIO": False},
        "evaluate": {"objective": "Size"},
        "allowLossy": True,
    }
    done = run(tmp_path, weights_only("Mlp", tmp_path, (X, ["y"])), optimize)
    assert done.result.variant == "FP16"
    manifest = done.manifest
    assert [tensor.dtype for tensor in (*manifest.inputs, *manifest.outputs)] == ["float16", "float16"]
    assert [tensor.dtype for tensor in (*manifest.golden.inputs, *manifest.golden.outputs)] == ["float16", "float16"]
    assert golden_holds(done)
