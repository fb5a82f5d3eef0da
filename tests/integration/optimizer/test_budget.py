"""The budget is a promise, and what was found out is in the artifact: for people, for serving, for status."""

from typing import Any

import numpy as np
import pytest
import torch
from support.optimizer_jobs import Done, build, golden_holds, run, was_timed, weights_only

from slipway_contract.digest import sha256_of_file
from slipway_optimizer.contest.curve import BATCH_SIZES
from slipway_optimizer.errors import UserError

X: Any = {"x": ("float32", ["batch", 256])}
FLOAT_BYTES = 542_000


def model(folder):
    return weights_only("Mlp", folder, (X, ["y"]))


@pytest.fixture(scope="module")
def smallest(tmp_path_factory) -> Done:
    folder = tmp_path_factory.mktemp("smallest")
    x = np.random.default_rng(0).standard_normal((60, 256)).astype(np.float32)
    with torch.no_grad():
        labels = build("Mlp")(torch.from_numpy(x)).argmax(1).numpy()
    np.savez(folder / "data.npz", x=x, labels=labels)
    evaluate = {"data": {"uri": (folder / "data.npz").as_uri()}, "maxDrop": 0.1, "objective": "Size"}
    return run(folder, model(folder), {"evaluate": evaluate})


def test_the_smallest_inside_the_budget_is_served_whatever_its_speed(smallest):
    chosen, *others = sorted(
        (item for item in smallest.manifest.candidates if item.drop is not None and item.drop <= 0.1),
        key=lambda item: item.size_bytes,
    )
    assert chosen.chosen
    assert chosen.size_bytes < 0.4 * FLOAT_BYTES
    assert "the smallest inside the budget" in smallest.result.reason
    assert all(item.reason for item in others)
    assert golden_holds(smallest)


def test_the_report_is_a_file_of_the_artifact(smallest):
    files = {entry.path: entry.sha256 for entry in smallest.manifest.files}
    report = smallest.artifact / "report.html"
    assert files["report.html"] == sha256_of_file(report)
    html = report.read_text()
    for candidate in smallest.manifest.candidates:
        assert f"{candidate.name}" in html
    assert "Accuracy against latency" in html


def test_the_result_says_it_in_one_line_and_how_to_serve(smallest):
    chosen = smallest.manifest.chosen
    summary = smallest.result.summary
    assert summary.startswith(f"{chosen.name}, ")
    assert f"Accuracy drop {chosen.drop:.4f}" in summary
    assert "MB" in summary
    assert smallest.progress[-2]["message"] == summary or summary in [line.get("message") for line in smallest.progress]
    curve = smallest.manifest.serving.batch_curve
    assert [point.batch_size for point in curve] == list(BATCH_SIZES[: len(curve)])
    assert smallest.result.serving.batch_max_size in {point.batch_size for point in curve}
    assert smallest.result.serving.in_flight >= 2


def test_intervals_belong_to_every_speed_up(smallest):
    for candidate in smallest.manifest.candidates:
        assert candidate.speedup is None or was_timed(candidate)


@pytest.mark.parametrize(
    ("limit", "says"),
    [
        ({"maxSizeBytes": 1000}, "bytes, and maxSizeBytes is 1,000."),
        ({"maxLatency": "1us"}, "ms for one call, and maxLatency is 0.001 ms."),
    ],
)
def test_a_limit_that_nothing_holds_fails_and_names_the_closest(tmp_path, limit, says):
    with pytest.raises(UserError) as caught:
        run(tmp_path, model(tmp_path), {"quantize": {"mode": "None"}, "evaluate": limit})
    assert caught.value.reason == "BudgetNotMet"
    assert caught.value.message.startswith("Nothing holds the budget. FP32 ")
    assert says in caught.value.message
    assert not list((tmp_path / "store").glob("*/manifest.json"))


def test_a_limit_that_only_a_lossy_variant_holds_is_held(tmp_path):
    wanted = {"quantize": {"mode": "DynamicINT8"}, "evaluate": {"maxSizeBytes": 300_000}, "allowLossy": True}
    done = run(tmp_path, model(tmp_path), wanted)
    assert done.result.variant == "DynamicINT8"
    assert done.result.size_bytes <= 300_000
    assert "FP32 has" in done.manifest.baseline.reason
    assert done.manifest.budget.max_size_bytes == 300_000


def test_throughput_is_compared_at_the_batch_that_suits_the_plain_export(tmp_path):
    wanted = {"quantize": {"mode": "FP16"}, "evaluate": {"objective": "Throughput"}, "allowLossy": True}
    done = run(tmp_path, model(tmp_path), wanted)
    sizes = {item.latency.batch_size for item in done.manifest.candidates if item.latency}
    assert len(sizes) == 1
    assert sizes <= set(BATCH_SIZES)
    assert done.manifest.budget.objective == "Throughput"
