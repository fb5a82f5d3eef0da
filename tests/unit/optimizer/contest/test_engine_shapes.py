"""Which sizes an engine is built for, and on what."""

import pytest
from support.optimizer import model_spec

from slipway_optimizer.contest.engine_shapes import engine_shapes
from slipway_optimizer.environment import accelerator_model


@pytest.mark.parametrize(
    ("inputs", "largest"),
    [
        ({"x": ("float32", ["batch", 3, 8])}, "x:64x3x8"),
        ({"x": ("float32", ["b", 3]), "y": ("int64", ["b", 2])}, "x:64x3,y:64x2"),
        ({"x": ("float32", ["batch", "time"])}, None),
        ({"x": ("float32", ["b", 3]), "state": ("float32", [2, "b", 8])}, None),
        ({"x": ("float32", [1, 3])}, None),
    ],
)
def test_only_the_number_of_rows_may_be_dynamic(inputs, largest):
    shapes = engine_shapes(model_spec(inputs, ["out"]).inputs)
    assert shapes.get("trt_profile_max_shapes") == largest
    assert len(shapes) in {0, 3}


def test_the_product_is_read_from_the_driver(tmp_path):
    assert accelerator_model(tmp_path) is None
    device = tmp_path / "0000:00:1e.0"
    device.mkdir()
    (device / "information").write_text("Model: \t\t NVIDIA L4\nIRQ:   \t\t 11\n")
    assert accelerator_model(tmp_path) == "NVIDIA L4"
