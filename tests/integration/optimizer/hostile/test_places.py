"""Archives, indexes and graphs that name files outside of the folder that they came in."""

import json
import stat
import zipfile

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from support.hostile.models import LINE, weights, whole


@pytest.mark.parametrize("name", ["../ran", "/ran", "net/../../ran", "..\\ran", "link"])
@pytest.mark.parametrize("suffix", [".whl", ".zip"])
def test_code_that_leads_out_of_its_folder(tmp_path, good, refused, name, suffix):
    archive = tmp_path / f"net{suffix}"
    with zipfile.ZipFile(archive, "w") as file:
        member = zipfile.ZipInfo(name)
        if name == "link":
            member.external_attr = (stat.S_IFLNK | 0o777) << 16
        file.writestr(member, "/etc/passwd")
    refused(weights(good["zip"], code={"uri": archive.as_uri()}), reason="CodeInvalid")
    assert not list(tmp_path.rglob("ran"))


def test_code_with_a_file_that_is_a_folder_too(tmp_path, good, refused):
    with zipfile.ZipFile(tmp_path / "net.zip", "w") as file:
        file.writestr("net", "x = 1")
        file.writestr("net/model.py", "x = 1")
    refused(weights(good["zip"], code={"uri": (tmp_path / "net.zip").as_uri()}), reason="CodeInvalid")


def external(location: str, length: int = 16) -> onnx.ModelProto:
    """y = x + w, with w in another file."""
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 4]) for name in "xy"]
    weight = numpy_helper.from_array(np.ones(4, np.float32), "w")
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, "offset": "0", "length": str(length)}.items():
        weight.external_data.add(key=key, value=value)
    graph = helper.make_graph([helper.make_node("Add", ["x", "w"], ["y"])], "line", ends[:1], ends[1:], [weight])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


@pytest.mark.parametrize(
    "location", ["../secret", "/etc/passwd", "below/../../secret", "..\\secret", "link", "", "absent"]
)
def test_weights_of_onnx_elsewhere(tmp_path, refused, location):
    folder = tmp_path / "net"
    folder.mkdir()
    (tmp_path / "secret").write_bytes(np.ones(4, np.float32).tobytes())
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "net.onnx").write_bytes(external(location).SerializeToString())
    refused(whole(folder, **LINE), reason="CheckpointInvalid")


def test_weights_of_onnx_in_a_folder_that_is_a_link(tmp_path, refused):
    folder = tmp_path / "net"
    folder.mkdir()
    (tmp_path / "secret").write_bytes(np.ones(4, np.float32).tobytes())
    (folder / "linked").symlink_to(tmp_path)
    (folder / "net.onnx").write_bytes(external("linked/secret").SerializeToString())
    refused(whole(folder, **LINE), reason="UnsupportedSource")


def test_weights_of_onnx_in_a_constant_within_a_branch(tmp_path, refused):
    inner = external("../secret").graph
    constant = helper.make_node("Constant", [], ["w"], value=inner.initializer[0])
    branch = helper.make_graph([constant], "branch", [], [helper.make_tensor_value_info("w", TensorProto.FLOAT, [4])])
    condition = numpy_helper.from_array(np.array(True), "c")
    choice = helper.make_node("If", ["c"], ["v"], then_branch=branch, else_branch=branch)
    nodes = [choice, helper.make_node("Add", ["x", "v"], ["y"])]
    graph = helper.make_graph(nodes, "line", inner.input, inner.output, [condition])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    (tmp_path / "net.onnx").write_bytes(model.SerializeToString())
    assert "leads out" in refused(whole(tmp_path / "net.onnx", **LINE), reason="CheckpointInvalid").failed.message


def test_weights_of_onnx_that_are_sparse(tmp_path, refused):
    model = external("../secret")
    weight = model.graph.initializer.pop()
    indices = numpy_helper.from_array(np.arange(4), "")
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(weight, indices, [4]))
    (tmp_path / "net.onnx").write_bytes(model.SerializeToString())
    assert "leads out" in refused(whole(tmp_path / "net.onnx", **LINE), reason="CheckpointInvalid").failed.message


def test_weights_of_onnx_that_are_shorter_than_they_say(tmp_path, refused):
    folder = tmp_path / "net"
    folder.mkdir()
    (folder / "w.bin").write_bytes(bytes(16))
    (folder / "net.onnx").write_bytes(external("w.bin", 1 << 40).SerializeToString())
    refused(whole(folder, **LINE), reason="CheckpointInvalid")


@pytest.mark.parametrize(
    "index",
    [
        {"weight_map": {"head.bias": "../secret.safetensors"}},
        {"weight_map": {"head.bias": "/etc/passwd"}},
        {"weight_map": {"head.bias": "absent.safetensors"}},
        {"weight_map": {"head.bias": ["model.safetensors"]}},
        {"weight_map": {}},
        [],
        "[" * 100_000,
    ],
)
@pytest.mark.parametrize("kind", ["Transformers", "SafeTensors"])
def test_an_index_that_names_files_elsewhere(tmp_path, good, refused, index, kind):
    folder = tmp_path / "net"
    folder.mkdir()
    (tmp_path / "secret.safetensors").write_bytes(good["safetensors"].read_bytes())
    (folder / "model.safetensors").write_bytes(good["safetensors"].read_bytes())
    text = index if isinstance(index, str) else json.dumps(index)
    (folder / "model.safetensors.index.json").write_text(text)
    (folder / "config.json").write_text('{"model_type": "bert", "architectures": ["BertModel"]}')
    model = whole(folder) if kind == "Transformers" else weights(folder, format=kind)
    refused(model, reason="CheckpointInvalid")


@pytest.mark.parametrize("kind", ["Transformers", "SafeTensors"])
def test_one_good_index_hides_no_other(tmp_path, good, refused, kind):
    folder = tmp_path / "net"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(good["safetensors"].read_bytes())
    (folder / "a.safetensors.index.json").write_text('{"weight_map": {"head.bias": "model.safetensors"}}')
    (folder / "model.safetensors.index.json").write_text('{"weight_map": {"head.bias": "../secret.safetensors"}}')
    (folder / "config.json").write_text('{"model_type": "bert", "architectures": ["BertModel"]}')
    model = whole(folder) if kind == "Transformers" else weights(folder, format=kind)
    assert "leads out" in refused(model, reason="CheckpointInvalid").failed.message
