"""What hurts is found and left in float; what is left there really is computed in float."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from support.hand_clock import hand_clock
from support.quantizing import context_of, dataset_of

from slipway_optimizer.quantize import build_variant, divide, search, sensitivity
from slipway_optimizer.quantize.leftovers import store_in_half
from slipway_optimizer.quantize.search import Search
from slipway_optimizer.quantize.sensitivity import Layer, by_harm, measure_layers
from slipway_optimizer.quantize.units import Unit

CHANNELS = 8
LAYERS = 6


@pytest.fixture(autouse=True)
def no_time_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    """How far the search gets in its time is not what is tested here."""
    hand_clock(monkeypatch, search, sensitivity)


@pytest.fixture
def convolutions(tmp_path: Path) -> Path:
    """Six in a row; between the second and the third, channels differ by a factor of a thousand, in one scale."""
    random = np.random.default_rng(0)
    weights = {
        f"weight_{number}": random.standard_normal((CHANNELS, CHANNELS, 1, 1), dtype=np.float32)
        for number in range(LAYERS)
    }
    weights["weight_1"] *= np.logspace(-3, 0, CHANNELS, dtype=np.float32).reshape(-1, 1, 1, 1)
    weights["weight_2"] *= np.logspace(3, 0, CHANNELS, dtype=np.float32).reshape(1, -1, 1, 1)
    names = ["x", *(f"hidden_{number}" for number in range(1, LAYERS)), "y"]
    nodes = [
        helper.make_node("Conv", [names[number], f"weight_{number}"], [names[number + 1]], name=f"conv_{number}")
        for number in range(LAYERS)
    ]
    ends = [[helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", CHANNELS, 4, 4])] for name in ("x", "y")]
    initializers = [numpy_helper.from_array(array, name) for name, array in weights.items()]
    graph = helper.make_graph(nodes, "net", *ends, initializers)
    path = tmp_path / "plain" / "model.onnx"
    path.parent.mkdir()
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), path)
    return path


def answer(path: Path, x: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    result: np.ndarray = session.run(["y"], {"x": x})[0]
    return result


def test_the_layer_that_hurts_stays_in_float_and_the_budget_holds(convolutions: Path, tmp_path: Path) -> None:
    x = np.random.default_rng(1).standard_normal((32, CHANNELS, 4, 4), dtype=np.float32)
    expected = answer(convolutions, x)

    def score(path: Path) -> float:
        return float(np.abs(answer(path, x) - expected).mean() / np.abs(expected).mean())

    def build(**settings: Any) -> tuple[float, dict[str, Any]]:
        target = tmp_path / "StaticINT8" / "model.onnx"
        facts = build_variant("StaticINT8", convolutions, target, context_of(tmp_path, {"x": x}, ["y"], **settings))
        return score(target), facts

    everything, facts = build(mode="StaticINT8")
    assert facts["layersInFloat"] == []
    found, facts = build(mode="Auto", score=score, max_drop=everything / 3)
    assert found <= everything / 3
    assert 0 < len(facts["layersInFloat"]) < LAYERS
    assert facts["sensitivity"][0]["layer"] in facts["layersInFloat"]
    assert any(tried["drop"] == pytest.approx(found, abs=1e-5) for tried in facts["search"])


def unit(name: str, weights: int) -> Unit:
    return Unit((name,), "Conv", weights)


class Paper:
    """A scheme that writes down which units it was asked to quantize."""

    def __init__(self, units: Sequence[Unit]) -> None:
        self.units = units

    def write(self, chosen: Collection[Unit], target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(" ".join(unit.name for unit in chosen))


@pytest.mark.parametrize("harmful", [set(), {"a"}, {"a", "d"}, {"h"}, {"a", "b", "c"}])
def test_the_fewest_layers_that_hold_the_budget_are_found(tmp_path: Path, harmful: set[str]) -> None:
    units = [unit(name, 10) for name in "abcdefghijklmnop"]
    ranked = [Layer((one,), 1.0) for one in units]
    search = Search(
        Paper(units), ranked, lambda path: float(bool(harmful & set(path.read_text().split()))), 0.5, tmp_path
    )
    kept = search.run()
    assert kept is not None
    needed = max(("abcdefghijklmnop".index(name) + 1 for name in harmful), default=1)
    # A heavy layer that was passed on the way and hurts nobody goes back into integers.
    assert harmful <= {layer.name for layer in kept}
    assert len(kept) <= needed


class Harm:
    """A probe that adds up the squares of what each unit of a paper costs."""

    def __init__(self, harm: Mapping[str, float]) -> None:
        self.harm = harm
        self.asked = 0

    def error(self, path: Path) -> float:
        self.asked += 1
        return float(np.sqrt(sum(self.harm.get(name, 1e-3) ** 2 for name in path.read_text().split())))


@pytest.mark.parametrize("harm", [{"17": 0.9}, {"0": 0.3, "1": 0.4, "40": 0.2}, {"5": float("inf"), "6": 0.2}])
def test_what_hurts_is_found_without_asking_for_each_layer(tmp_path: Path, harm: dict[str, float]) -> None:
    units = [unit(str(number), 10) for number in range(64)]
    probe: Any = Harm(harm)
    layers = measure_layers(Paper(units), probe, tmp_path, lambda message, fraction: None)
    assert [one for layer in layers for one in layer.units] == units
    assert probe.asked < len(units) / 2
    worst = by_harm(layers)[: len(harm)]
    assert {layer.name: layer.error for layer in worst} == pytest.approx(harm)


def test_a_search_without_time_still_knows_every_layer(tmp_path: Path) -> None:
    units = [unit(str(number), 10) for number in range(20)]
    probe: Any = Harm({"3": 0.5})
    layers = measure_layers(Paper(units), probe, tmp_path, lambda message, fraction: None, seconds=0)
    assert [one for layer in layers for one in layer.units] == units
    assert by_harm(layers)[0].name == "3 … 5"


def test_a_budget_that_nothing_holds_is_given_up(tmp_path: Path) -> None:
    units = [unit(name, 10) for name in "abcdefgh"]
    search = Search(Paper(units), [Layer((one,)) for one in units], lambda path: 1.0, 0.5, tmp_path)
    assert search.run() is None
    assert max(tried.layers_in_float for tried in search.tried) < len(units)


def test_the_light_layer_goes_to_float_before_the_heavy_one() -> None:
    light, heavy = Layer((unit("light", 10),), 0.1), Layer((unit("heavy", 10_000),), 0.1)
    assert by_harm([heavy, light]) == [light, heavy]


def test_weights_in_half_are_computed_with_in_float(convolutions: Path, tmp_path: Path) -> None:
    model = onnx.load(convolutions)
    wide = np.random.default_rng(0).standard_normal((256, CHANNELS, 1, 1), dtype=np.float32)
    model.graph.initializer[LAYERS - 1].CopyFrom(numpy_helper.from_array(wide, f"weight_{LAYERS - 1}"))
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 256
    onnx.save(model, tmp_path / "before.onnx")
    store_in_half(model.graph)
    onnx.save(model, tmp_path / "after.onnx")
    assert (tmp_path / "after.onnx").stat().st_size < 0.75 * (tmp_path / "before.onnx").stat().st_size
    x = np.random.default_rng(1).standard_normal((2, CHANNELS, 4, 4), dtype=np.float32)
    before, after = (answer(tmp_path / f"{name}.onnx", x) for name in ("before", "after"))
    assert np.linalg.norm(after - before) < 1e-3 * np.linalg.norm(before)


def test_rows_for_calibration_are_never_scored() -> None:
    values = np.arange(80, dtype=np.float32).reshape(-1, 1)
    values[40:60] = 7
    calibration, scored = divide(dataset_of({"x": values}))
    assert calibration is not None
    assert calibration.rows >= 8
    assert calibration.rows + scored.rows == 80
    assert not set(calibration.row_digests()) & set(scored.row_digests())
    assert divide(dataset_of({"x": values[:16]}))[0] is None
