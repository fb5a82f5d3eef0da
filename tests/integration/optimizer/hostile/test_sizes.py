"""Files that are small and announce, or unpack to, more than there is room for; and files that are cut off."""

import pickle
import struct
import zipfile

import pytest
import torch
from onnx import TensorProto, helper
from support.hostile.canary import npy, packed, safe_tensors, torch_saved, with_members
from support.hostile.models import LINE, weights, whole
from support.optimizer import write_spec

from slipway_optimizer.errors import UserError
from slipway_optimizer.spec import read_deployment

MIB = 1 << 20
DEEP = 200_000
DEEP_LIST = b"\x80\x02" + b"]" * DEEP + b"a" * (DEEP - 1) + b"."
DEEP_DICT = b"\x80\x02" + b"}X\x01\x00\x00\x00a" * DEEP + b"}" + b"s" * DEEP + b"."


def laughs(rounds: int = 60) -> bytes:
    """A dict that holds the one before it twice: small, and without end when it is walked through."""
    inner: dict = {}
    for _ in range(rounds):
        inner = {"a": inner, "b": inner}
    return pickle.dumps({"model": inner}, protocol=2)


@pytest.mark.parametrize("body", [DEEP_LIST, DEEP_DICT, laughs()], ids=["deep list", "deep dict", "laughs"])
def test_pickles_that_nest_without_end(tmp_path, good, refused, body):
    with_members(good["zip"], tmp_path / "net", lambda name, old: body if name.endswith("data.pkl") else old)
    refused(weights(tmp_path / "net"), reason="CheckpointInvalid")


def test_a_pickle_of_more_steps_than_any_checkpoint(tmp_path, good, refused):
    body = b"\x80\x02" + b"]0" * 3_000_000 + b"}."
    with_members(good["zip"], tmp_path / "net", lambda name, old: body if name.endswith("data.pkl") else old)
    assert "steps" in refused(weights(tmp_path / "net"), reason="CheckpointInvalid").failed.message


@pytest.mark.parametrize("member", ["net/data.pkl", "net/data/0", "net/code/a.py"])
def test_archives_that_unpack_to_too_much(tmp_path, refused, member):
    size = 300 * MIB if not member.endswith("pkl") else 100 * MIB
    packed(tmp_path / "net", {"net/version": b"3", member: size})
    refused(weights(tmp_path / "net"), reason="CheckpointInvalid")


def test_an_archive_with_one_name_twice(tmp_path, good, refused):
    with_members(good["zip"], tmp_path / "net", lambda name, old: old)
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(tmp_path / "net", "a") as archive:
        archive.writestr(next(name for name in archive.namelist() if name.endswith("data.pkl")), b"\x80\x02}.")
    assert "2 times" in refused(weights(tmp_path / "net"), reason="CheckpointInvalid").failed.message


def test_code_that_unpacks_to_too_much(tmp_path, good, refused):
    packed(tmp_path / "net.whl", {"net.py": 80 * MIB})
    code = {"uri": (tmp_path / "net.whl").as_uri()}
    refused(weights(good["zip"], code=code), reason="CodeInvalid")


@pytest.mark.parametrize("numbers", [2**31 - 1, 2**50, 2**62])
@pytest.mark.parametrize("kind", ["zip", "legacy"])
def test_a_storage_that_is_larger_than_the_file(tmp_path, refused, kind, numbers):
    saved = torch_saved({"weight": torch.zeros(77_777)}, zipped=kind == "zip")
    short = b"J" + struct.pack("<i", 77_777)
    (tmp_path / "first").write_bytes(saved)
    long = pickle.dumps(numbers, protocol=2)[2:-1]
    if kind == "legacy":
        (tmp_path / "net").write_bytes(saved.replace(short, long))
    else:
        with_members(tmp_path / "first", tmp_path / "net", lambda name, old: old.replace(short, long))
    assert (tmp_path / "net").read_bytes() != saved
    refused(weights(tmp_path / "net"))


@pytest.mark.parametrize(
    "content",
    [
        safe_tensors(b'{"a":', 2**60),
        safe_tensors(b'{"a":', 2**63 + 5),
        safe_tensors(b'{"a":', 90 * MIB),
        safe_tensors(b'{"w":{"dtype":"F32","shape":[1099511627776],"data_offsets":[0,4398046511104]}}'),
        safe_tensors(b'{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}', data=b"1234"),
        safe_tensors(b'{"w":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]}}', data=bytes(8)),
        safe_tensors(b"{" * 100_000),
        safe_tensors(b'{"a":' * 100_000),
    ],
)
def test_headers_of_safe_tensors(tmp_path, refused, content):
    (tmp_path / "net").write_bytes(content)
    refused(weights(tmp_path / "net"))


def graph_of(element_type: int, cast: int | None = None) -> bytes:
    """A line from x to y, whose types or casts may be none."""
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 4]) for name in "xy"]
    ends[0].type.tensor_type.elem_type = element_type
    node = helper.make_node("Relu", ["x"], ["y"]) if cast is None else helper.make_node("Cast", ["x"], ["y"], to=cast)
    graph = helper.make_graph([node], "line", ends[:1], ends[1:])
    return bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)]).SerializeToString())


def huge_initializer() -> bytes:
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 4]) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Add", ["x", "w"], ["y"])], "line", ends[:1], ends[1:])
    graph.initializer.append(TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[2**40]))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    return bytes(model.SerializeToString())


@pytest.mark.parametrize(
    "content",
    [
        b"\x08\x0a" + b"\x3a" + b"\xff" * 9 + b"\x01",
        b"\x08\x0a" + b"\x3a" + b"\xff\xff\xff\x7f" + bytes(100),
        b"\x08\x0a" + b"\x3a\x02" * 100_000,
        b"\x08\x0a\x3a\x00",
        huge_initializer(),
        graph_of(99),
        graph_of(TensorProto.FLOAT, cast=99),
        graph_of(TensorProto.FLOAT).replace(b"Relu", b"Rel\xaa"),
        graph_of(TensorProto.FLOAT).replace(b"x", b"\xaa"),
    ],
    ids=[
        *("length 2^64", "length 2^28", "groups", "no graph", "initializer", "type", "cast", "operator's text"),
        "names' text",
    ],
)
def test_headers_of_onnx(tmp_path, refused, content):
    (tmp_path / "net").write_bytes(content)
    refused(whole(tmp_path / "net", **LINE))


@pytest.mark.parametrize(
    "array",
    [
        npy("'<f4'", "(1099511627776, 4)", bytes(64)),
        npy("'<f4'", f"({2**62}, 4)", bytes(64)),
        npy("'<f4'", "(-1, 4)", bytes(64)),
        npy("'<f4'", "(" * 5_000 + ")" * 5_000),
        npy("'<f4'", "__import__('os').getcwd()"),
        b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**32 - 1),
        b"\x93NUMPY\x01\x00\xff",
    ],
)
def test_headers_of_arrays(tmp_path, good, refused, array):
    with zipfile.ZipFile(tmp_path / "rows.npz", "w") as archive:
        archive.writestr("x.npy", array)
    evaluate = {"evaluate": {"data": {"uri": (tmp_path / "rows.npz").as_uri()}}}
    refused(whole(good["onnx"], **LINE), evaluate, reason="DataInvalid")


def test_data_that_unpacks_to_too_much(tmp_path, good, refused):
    packed(tmp_path / "rows.npz", {"x.npy": 300 * MIB})
    evaluate = {"evaluate": {"data": {"uri": (tmp_path / "rows.npz").as_uri()}}}
    refused(whole(good["onnx"], **LINE), evaluate, reason="DataInvalid")


@pytest.mark.parametrize("kind", ["zip", "legacy", "safetensors", "torchscript", "program", "onnx"])
def test_files_that_are_cut_off(tmp_path, good, refused, kind):
    body = good[kind].read_bytes()
    model = {"onnx": lambda path: whole(path, **LINE), "torchscript": whole, "program": whole}.get(kind, weights)
    for length in sorted({1, 9, len(body) // 3, len(body) // 2, len(body) - 1}):
        (tmp_path / "net").write_bytes(body[:length])
        refused(model(tmp_path / "net"))
        (tmp_path / "scratch").rmdir()


LAUGHS = "a0: &a0 [lol, lol]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))


@pytest.mark.parametrize(
    "text",
    [
        LAUGHS,
        f"metadata: {{name: a}}\nspec: {{model: {{factoryArgs: &a [{'*a, ' * 3}]}}}}",
        "spec: " + "[" * 100_000,
        "spec: " + "{a: " * 900 + "1" + "}" * 900,
        "x" * (4 * MIB),
        "spec: !!python/object/apply:os.system ['touch /tmp/never']",
    ],
    ids=["laughs", "itself", "deep", "nested", "long", "object"],
)
def test_specs(tmp_path, text):
    (tmp_path / "spec.yaml").write_text(text)
    with pytest.raises(UserError) as caught:
        read_deployment(tmp_path / "spec.yaml")
    assert caught.value.reason == "InvalidSpec"


def test_a_spec_may_use_aliases(tmp_path):
    text = write_spec(tmp_path, {**LINE, "source": {"uri": "file:///net.onnx"}}).read_text()
    (tmp_path / "spec.yaml").write_text(text + "more: &more {a: 1}\nagain: [*more, *more]\n")
    assert read_deployment(tmp_path / "spec.yaml").name == "net"
