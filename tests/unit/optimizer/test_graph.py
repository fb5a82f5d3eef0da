"""A form of the graph is taken only for what it brings, and answers the same."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from slipway_optimizer.contest.speedup import Speedup
from slipway_optimizer.graph import settle
from slipway_optimizer.graph.forms import keep_used_domains, write_fused, write_offline
from slipway_optimizer.graph.settle import OWN, FormFigures, choose_form, write_forms

AS_IS = FormFigures(Speedup(1.0, 1.0, 1.0), 0.1)


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


def test_a_form_answers_the_same(served: Path, tmp_path: Path) -> None:
    x = np.arange(8, dtype=np.float32).reshape(2, 4)
    forms = write_forms(served, [{"x": x}], ["y"], 1, tmp_path / "forms")
    assert forms.tried == {}
    assert set(forms.files) == {"Offline"}
    (answer,) = onnxruntime.InferenceSession(forms.files["Offline"], providers=["CPUExecutionProvider"]).run(
        None, {"x": x}
    )
    np.testing.assert_array_equal(answer, x + 1)


def test_a_form_that_answers_differently_takes_no_part(
    served: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write_other(source: Path, target: Path) -> bool:
        model = onnx.load(source)
        model.graph.node[1].op_type = "Sub"
        target.parent.mkdir(parents=True)
        onnx.save(model, target)
        return True

    monkeypatch.setattr(settle, "write_offline", write_other)
    forms = write_forms(served, [{"x": np.ones((1, 4), dtype=np.float32)}], ["y"], 1, tmp_path / "forms")
    assert forms.files == {}
    assert forms.tried == {"Offline": "it answers differently"}


def test_a_form_that_is_larger_than_the_budget_allows_takes_no_part(served: Path, tmp_path: Path) -> None:
    x = np.zeros((1, 4), dtype=np.float32)
    forms = write_forms(served, [{"x": x}], ["y"], 1, tmp_path / "forms", most_bytes=10)
    assert forms.files == {}
    assert forms.tried == {"Offline": "it has more than 10 bytes"}


def test_what_lies_beside_the_graph_is_not_rewritten(
    served: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settle, "MOST_BYTES", served.stat().st_size - 1)
    forms = write_forms(served, [], ["y"], 1, tmp_path / "forms")
    assert forms.files == {}
    assert "in memory several times" in forms.tried["Offline"]


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
    ("speedup", "start", "chosen"),
    [
        (Speedup(1.2, 1.1, 1.3), 0.3, "Offline"),
        (Speedup(1.2, 0.9, 1.5), 0.1, OWN),
        (Speedup(1.2), 0.1, OWN),
        (Speedup(1.0, 0.9, 1.1), 0.05, "Offline"),
        (Speedup(0.9, 0.8, 1.0), 0.05, OWN),
    ],
)
def test_a_form_is_taken_for_what_it_brings(speedup: Speedup, start: float, chosen: str) -> None:
    assert choose_form({OWN: AS_IS, "Offline": FormFigures(speedup, start)}) == chosen
