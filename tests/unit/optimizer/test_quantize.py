"""Variants are built from whatever the exporter wrote, and still answer."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from slipway_optimizer.quantize import build_variant, without_weight_shapes

WEIGHT = np.linspace(-1, 1, 12, dtype=np.float32).reshape(4, 3)


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    """A Gemm whose weight also stands in `value_info`, as PyTorch's exporter writes it."""
    gemm = helper.make_node("Gemm", ["x", "weight"], ["y"], transB=1)
    graph = helper.make_graph(
        [gemm],
        "linear",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 4])],
        [numpy_helper.from_array(WEIGHT, "weight")],
        value_info=[helper.make_tensor_value_info("weight", TensorProto.FLOAT, [4, 3])],
    )
    path = tmp_path / "model.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), path)
    return path


def test_the_quantizer_is_told_no_shape_of_a_weight(exported: Path) -> None:
    assert [value.name for value in onnx.load(exported).graph.value_info] == ["weight"]
    assert not without_weight_shapes(exported).graph.value_info


@pytest.mark.parametrize(("variant", "tolerance"), [("FP16", 0.01), ("DynamicINT8", 0.05)])
def test_a_variant_answers_nearly_the_same(exported: Path, tmp_path: Path, variant: str, tolerance: float) -> None:
    target = tmp_path / f"{variant}.onnx"
    build_variant(variant, exported, target)
    batch = np.random.default_rng(0).standard_normal((5, 3), dtype=np.float32)
    (answer,) = onnxruntime.InferenceSession(target, providers=["CPUExecutionProvider"]).run(None, {"x": batch})
    np.testing.assert_allclose(answer, batch @ WEIGHT.T, atol=tolerance)
