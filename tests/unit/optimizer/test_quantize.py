"""Variants are built from whatever the exporter wrote, and still answer; what makes no sense says so."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from support.quantizing import context_of

from slipway_optimizer.quantize import NotApplicableError, build_variant, model_file, variants_to_try
from slipway_optimizer.quantize.prepare import prepare

WEIGHT = np.linspace(-1, 1, 128, dtype=np.float32).reshape(4, 32)


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    """A Gemm whose weight also stands in `value_info`, as PyTorch's exporter writes it; it has no name."""
    gemm = helper.make_node("Gemm", ["x", "weight"], ["y"], transB=1)
    graph = helper.make_graph(
        [gemm],
        "linear",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 32])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 4])],
        [numpy_helper.from_array(WEIGHT, "weight")],
        value_info=[helper.make_tensor_value_info("weight", TensorProto.FLOAT, [4, 32])],
    )
    path = tmp_path / "plain" / "model.onnx"
    path.parent.mkdir()
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), path)
    return path


def test_the_quantizer_is_told_no_shape_of_a_weight_and_a_name_of_each_node(exported: Path, tmp_path: Path) -> None:
    assert [value.name for value in onnx.load(exported).graph.value_info] == ["weight"]
    graph = onnx.load(prepare(exported, tmp_path / "scratch")).graph
    assert "weight" not in {value.name for value in graph.value_info}
    assert all(node.name for node in graph.node)


@pytest.mark.parametrize(("variant", "tolerance"), [("FP16", 0.01), ("DynamicINT8", 0.1), ("StaticINT8", 0.15)])
def test_a_variant_answers_nearly_the_same(exported: Path, tmp_path: Path, variant: str, tolerance: float) -> None:
    target = tmp_path / variant / "model.onnx"
    batch = np.random.default_rng(0).standard_normal((32, 32), dtype=np.float32)
    facts = build_variant(variant, exported, target, context_of(tmp_path, {"x": batch}, ["y"], mode=variant))
    (answer,) = onnxruntime.InferenceSession(target, providers=["CPUExecutionProvider"]).run(None, {"x": batch})
    np.testing.assert_allclose(answer, batch @ WEIGHT.T, atol=tolerance)
    if variant.endswith("INT8"):
        assert facts["weightBits"] in {7, 8}
        assert facts["layersInFloat"] == []


def test_half_precision_goes_to_the_ends_only_if_asked(exported: Path, tmp_path: Path) -> None:
    batch = {"x": np.zeros((1, 32), np.float32)}
    for keep, dtype in ((True, TensorProto.FLOAT), (False, TensorProto.FLOAT16)):
        target = tmp_path / str(keep) / "model.onnx"
        build_variant("FP16", exported, target, context_of(tmp_path, batch, ["y"], mode="FP16", keep_io=keep))
        graph = onnx.load(target).graph
        ends = {value.type.tensor_type.elem_type for value in (*graph.input, *graph.output)}
        assert ends == {dtype}


def test_a_mode_is_one_variant_and_auto_is_all() -> None:
    assert variants_to_try("None") == []
    assert variants_to_try("INT4") == ["INT4"]
    assert variants_to_try("Auto") == ["FP16", "DynamicINT8", "StaticINT8", "INT4"]


@pytest.mark.parametrize(
    ("variant", "mode", "says"),
    [
        ("StaticINT8", "StaticINT8", "no rows to calibrate with: set spec.optimize.quantize.calibration.data"),
        ("StaticINT8", "Auto", "there are no convolutions"),
        ("INT4", "Auto", "matrix products of transformers"),
        ("INT4", "INT4", "no matrix product with constant weights"),
    ],
)
def test_what_makes_no_sense_is_not_built(exported: Path, tmp_path: Path, variant: str, mode: str, says: str) -> None:
    context = context_of(tmp_path, {"x": np.zeros((1, 32), np.float32)}, ["y"], mode=mode, calibrated=False)
    with pytest.raises(NotApplicableError, match=says):
        build_variant(variant, exported, tmp_path / "model.onnx", context)


def test_a_silent_request_before_a_loud_one_calibrates_as_well(exported: Path, tmp_path: Path) -> None:
    """Histograms that grow by bins of the first request's width would need billions of them."""
    rows = np.random.default_rng(0).standard_normal((16, 32), dtype=np.float32)
    rows[0] *= 1e-9
    rows[1] = 0
    context = context_of(tmp_path, {"x": rows}, ["y"], mode="StaticINT8")
    facts = build_variant("StaticINT8", exported, tmp_path / "silent" / "model.onnx", context)
    assert facts["error"] < 0.1


@pytest.fixture
def weights_beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A product whose weights lie beside the graph, and what counts as large is small."""
    monkeypatch.setattr(model_file, "BESIDE_ABOVE_BYTES", 10_000)
    weight = np.random.default_rng(0).standard_normal((64, 128), dtype=np.float32)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "weight"], ["y"], name="product")],
        "product",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 64])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 128])],
        [numpy_helper.from_array(weight, "weight")],
    )
    path = tmp_path / "large" / "model.onnx"
    model_file.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), path)
    assert (path.parent / "model.onnx.data").is_file()
    return path


@pytest.mark.parametrize(("variant", "share"), [("FP16", 0.52), ("DynamicINT8", 0.35), ("INT4", 0.25)])
def test_large_weights_lie_beside_each_variant(
    weights_beside: Path, tmp_path: Path, variant: str, share: float
) -> None:
    target = tmp_path / variant / "model.onnx"
    x = np.random.default_rng(1).standard_normal((4, 64), dtype=np.float32)
    build_variant(variant, weights_beside, target, context_of(tmp_path, {"x": x}, ["y"], mode=variant))
    (answer,) = onnxruntime.InferenceSession(target, providers=["CPUExecutionProvider"]).run(None, {"x": x})
    (expected,) = onnxruntime.InferenceSession(weights_beside, providers=["CPUExecutionProvider"]).run(None, {"x": x})
    assert np.linalg.norm(answer - expected) < 0.15 * np.linalg.norm(expected)
    files = [sum(file.stat().st_size for file in path.parent.iterdir()) for path in (target, weights_beside)]
    assert files[0] < share * files[1] + 1_000


def test_large_weights_are_not_converted_for_nothing(weights_beside: Path, tmp_path: Path) -> None:
    context = replace(context_of(tmp_path, {"x": np.zeros((1, 64), np.float32)}, ["y"]), may_be_served=False)
    with pytest.raises(NotApplicableError, match="not converted for nothing"):
        build_variant("FP16", weights_beside, tmp_path / "model.onnx", context)


@pytest.mark.parametrize("method", ["MinMax", "Percentile", "Entropy"])
def test_each_way_to_calibrate_is_close(exported: Path, tmp_path: Path, method: str) -> None:
    batch = np.random.default_rng(0).standard_normal((32, 32), dtype=np.float32)
    settings = {"mode": "StaticINT8", "calibration": {"method": method}}
    context = context_of(tmp_path, {"x": batch}, ["y"], **settings)
    facts = build_variant("StaticINT8", exported, tmp_path / method / "model.onnx", context)
    assert facts["calibration"] == {"method": method, "rows": 32}
    assert facts["error"] < 0.15


RANDOM = np.random.default_rng(3)


def written(folder: Path, nodes: list[onnx.NodeProto], weights: dict[str, np.ndarray], **file: Any) -> Path:
    """A file of nodes from x, (batch, 4, 8, 8) or as `file` says, to y."""
    dtype, opset = file.get("dtype", TensorProto.FLOAT), file.get("opset", 20)
    given = [helper.make_tensor_value_info("x", dtype, file.get("shape", ["batch", 4, 8, 8]))]
    if file.get("old"):
        given += [helper.make_tensor_value_info(name, dtype, array.shape) for name, array in weights.items()]
    result = helper.make_tensor_value_info("y", dtype, None)
    initializers = [numpy_helper.from_array(array, name) for name, array in weights.items()]
    graph = helper.make_graph(nodes, "net", given, [result], initializers)
    path = folder / "plain" / "model.onnx"
    path.parent.mkdir()
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=file.get("ir", 10))
    onnx.save(model, path)
    return path


def weight(*shape: int, dtype: type = np.float32) -> np.ndarray:
    return RANDOM.standard_normal(shape).astype(dtype)


def asked(path: Path, x: np.ndarray) -> np.ndarray:
    (y,) = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]).run(["y"], {"x": x})
    assert isinstance(y, np.ndarray)
    return y


@pytest.mark.parametrize("variant", ["FP16", "DynamicINT8", "StaticINT8"])
@pytest.mark.parametrize("opset", [9, 11, 12, 13])
def test_a_file_of_an_old_operator_set_is_quantized_per_channel(tmp_path: Path, variant: str, opset: int) -> None:
    """With its weights among the inputs, and two that share one."""
    nodes = [
        helper.make_node("Conv", ["x", "kernel"], ["hidden"], pads=[1, 1, 1, 1]),
        helper.make_node("Conv", ["hidden", "kernel"], ["flat"], pads=[1, 1, 1, 1]),
        helper.make_node("Flatten", ["flat"], ["rows"]),
        helper.make_node("Gemm", ["rows", "wide", "bias"], ["y"]),
    ]
    weights = {"kernel": weight(4, 4, 3, 3), "wide": weight(256, 16), "bias": weight(16)}
    path = written(tmp_path, nodes, weights, opset=opset, ir=3, old=True)
    x = RANDOM.standard_normal((32, 4, 8, 8), dtype=np.float32)
    target = tmp_path / variant / "model.onnx"
    build_variant(variant, path, target, context_of(tmp_path, {"x": x}, ["y"], mode=variant))
    expected = asked(path, x)
    assert np.linalg.norm(asked(target, x) - expected) < 0.1 * np.linalg.norm(expected)


@pytest.mark.parametrize("variant", ["DynamicINT8", "StaticINT8", "INT4"])
def test_other_floats_than_float32_are_left_to_themselves(tmp_path: Path, variant: str) -> None:
    product = [helper.make_node("MatMul", ["x", "weight"], ["y"])]
    double = {"dtype": TensorProto.DOUBLE, "shape": ["batch", 64]}
    path = written(tmp_path, product, {"weight": weight(64, 32, dtype=np.float64)}, **double)
    context = context_of(tmp_path, {"x": weight(32, 64, dtype=np.float64)}, ["y"], mode=variant)
    with pytest.raises(NotApplicableError):
        build_variant(variant, path, tmp_path / variant / "model.onnx", context)


def test_a_transposed_convolution_in_groups_stays_in_float(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("ConvTranspose", ["x", "grouped", "bias"], ["hidden"], group=2),
        helper.make_node("ConvTranspose", ["hidden", "whole"], ["y"]),
    ]
    weights = {"grouped": weight(4, 3, 3, 3), "bias": weight(6), "whole": weight(6, 2, 3, 3)}
    path = written(tmp_path, nodes, weights)
    x = RANDOM.standard_normal((32, 4, 8, 8), dtype=np.float32)
    target = tmp_path / "integers" / "model.onnx"
    facts = build_variant("StaticINT8", path, target, context_of(tmp_path, {"x": x}, ["y"], mode="StaticINT8"))
    assert facts["quantizedLayers"] == 1
    assert facts["error"] < 0.1


def test_four_bits_of_a_width_that_no_block_divides(tmp_path: Path) -> None:
    path = written(
        tmp_path, [helper.make_node("MatMul", ["x", "weight"], ["y"])], {"weight": weight(50, 33)}, shape=["batch", 50]
    )
    x = weight(8, 50)
    target = tmp_path / "INT4" / "model.onnx"
    build_variant("INT4", path, target, context_of(tmp_path, {"x": x}, ["y"], mode="INT4"))
    expected = asked(path, x)
    assert np.linalg.norm(asked(target, x) - expected) < 0.2 * np.linalg.norm(expected)
