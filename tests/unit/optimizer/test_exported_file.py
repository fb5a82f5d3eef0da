"""What an exporter writes into a file beside the model: paths of the machine, and attributes in any order."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from slipway_optimizer.exported_file import forget_origin

ATTRIBUTES = {"pads": [1, 1, 1, 1], "kernel_shape": [3, 3], "group": 1, "strides": [1, 1]}


def traced(path: Path, order: list[str], machine: str) -> Path:
    """A convolution in one branch of an If, as an exporter on this machine writes it; its weight lies beside it."""
    conv = helper.make_node("Conv", ["x", "kernel"], ["inner"], name="conv", doc_string=f"{machine}/net.py(3)")
    del conv.attribute[:]
    conv.attribute.extend(helper.make_attribute(name, ATTRIBUTES[name]) for name in order)
    for key, value in (("pkg.torch.onnx.stack_trace", f"File {machine}/net.py"), ("namespace", "net.conv")):
        conv.metadata_props.add(key=key, value=value)
    shape = [1, 1, 4, 4]
    inner = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("inner", "same")]
    then = helper.make_graph([conv], "then", [], inner[:1])
    other = helper.make_graph([helper.make_node("Identity", ["x"], ["same"])], "other", [], inner[1:])
    branch = helper.make_node("If", ["wanted"], ["y"], then_branch=then, else_branch=other)
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("x", "y")]
    flag = helper.make_tensor_value_info("wanted", TensorProto.BOOL, [])
    kernel = numpy_helper.from_array(np.ones((1, 1, 3, 3), np.float32), "kernel")
    graph = helper.make_graph([branch], "net", [ends[0], flag], [ends[1]], [kernel], doc_string=machine)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    model.metadata_props.add(key="made_at", value=machine)
    path.parent.mkdir()
    onnx.save(model, path, save_as_external_data=True, location="model.onnx.data", size_threshold=0)
    return path


def test_two_machines_leave_the_same_file_and_its_weights_alone(tmp_path):
    order = list(ATTRIBUTES)
    first = traced(tmp_path / "first" / "model.onnx", order, "/tmp/a")  # noqa: S108 - a text
    second = traced(tmp_path / "second" / "model.onnx", order[::-1], "/tmp/b")  # noqa: S108 - a text
    assert first.read_bytes() != second.read_bytes()
    beside = first.with_name("model.onnx.data").read_bytes()
    for path in (first, second):
        forget_origin(path)
    assert first.read_bytes() == second.read_bytes()
    assert b"/tmp/" not in first.read_bytes()
    assert b"net.conv" in first.read_bytes()
    assert first.with_name("model.onnx.data").read_bytes() == beside
    session = onnxruntime.InferenceSession(first, providers=["CPUExecutionProvider"])
    x = np.ones((1, 1, 4, 4), np.float32)
    (y,) = session.run(None, {"x": x, "wanted": np.array(True)})
    assert isinstance(y, np.ndarray)
    assert (y.max(), y.min()) == (9, 4)
