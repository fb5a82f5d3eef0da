"""A form of the graph is taken only for what it brings, and answers the same."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from slipway_optimizer.graph.forms import keep_used_domains, write_fused, write_offline
from slipway_optimizer.graph.settle import OWN, choose_form, settle_form

AS_IS = {"speedup": 1.0, "speedupLow": 1.0, "startSeconds": 0.1}


@pytest.fixture
def served(tmp_path: Path) -> Path:
    """x (batch, 4) -> relu(x @ w + 1)."""
    nodes = [
        helper.make_node("MatMul", ["x", "weight"], ["product"]),
        helper.make_node("Add", ["product", "bias"], ["sum"]),
        helper.make_node("Relu", ["sum"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "layer",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 4])],
        [
            numpy_helper.from_array(np.eye(4, dtype=np.float32), "weight"),
            numpy_helper.from_array(np.ones(4, np.float32), "bias"),
        ],
    )
    path = tmp_path / "served" / "model.onnx"
    path.parent.mkdir()
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), path)
    return path


def test_the_served_model_answers_the_same_in_whatever_form(served: Path, tmp_path: Path) -> None:
    x = np.arange(8, dtype=np.float32).reshape(2, 4)
    facts = settle_form(served, [{"x": x}], ["y"], 1, tmp_path / "forms")
    (answer,) = onnxruntime.InferenceSession(served, providers=["CPUExecutionProvider"]).run(None, {"x": x})
    np.testing.assert_array_equal(answer, x + 1)
    assert facts["form"] in {OWN, "Offline"}
    assert set(facts["figures"]) == {OWN, "Offline"}


def test_a_form_that_is_larger_than_the_budget_allows_takes_no_part(served: Path, tmp_path: Path) -> None:
    before = served.read_bytes()
    x = np.zeros((1, 4), dtype=np.float32)
    facts = settle_form(served, [{"x": x}], ["y"], 1, tmp_path / "forms", most_bytes=10)
    assert facts["form"] == OWN
    assert facts["tried"] == {"Offline": "it has more than 10 bytes"}
    assert served.read_bytes() == before


def test_the_offline_form_has_fewer_nodes_and_no_operator_set_that_it_does_not_use(
    served: Path, tmp_path: Path
) -> None:
    target = tmp_path / "offline" / "model.onnx"
    assert write_offline(served, target)
    model = onnx.load(target)
    assert len(model.graph.node) < 3
    assert {entry.domain for entry in model.opset_import} <= {"", "com.microsoft"}


def test_nothing_is_fused_where_there_is_no_attention(served: Path, tmp_path: Path) -> None:
    assert not write_fused(served, tmp_path / "fused" / "model.onnx")


def test_domains_that_are_used_stay() -> None:
    node = helper.make_node("Gelu", ["x"], ["y"], domain="com.microsoft")
    graph = helper.make_graph([node], "g", [], [])
    sets = [helper.make_opsetid(domain, 1) for domain in ("", "com.microsoft", "ai.onnx.training")]
    model = helper.make_model(graph, opset_imports=sets)
    keep_used_domains(model)
    assert [entry.domain for entry in model.opset_import] == ["", "com.microsoft"]


@pytest.mark.parametrize(
    ("offline", "chosen"),
    [
        ({"speedup": 1.2, "speedupLow": 1.1, "startSeconds": 0.3}, "Offline"),
        ({"speedup": 1.2, "speedupLow": 0.9, "startSeconds": 0.1}, OWN),
        ({"speedup": 1.0, "speedupLow": 0.9, "startSeconds": 0.05}, "Offline"),
        ({"speedup": 0.9, "speedupLow": 0.8, "startSeconds": 0.05}, OWN),
    ],
)
def test_a_form_is_taken_for_what_it_brings(offline: dict[str, float], chosen: str) -> None:
    assert choose_form({OWN: AS_IS, "Offline": offline}) == chosen
