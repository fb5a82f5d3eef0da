"""Every format and every way to bring code, from source to an artifact that ONNX Runtime answers from."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper
from safetensors.torch import save_file
from support.graph_forms import AS_EXPORTED, REWRITTEN, served_form
from support.optimizer import TINY_MODELS, ends
from support.optimizer_jobs import Done, build, golden_holds, run, weights_only
from support.programs import save_program

from slipway_optimizer.errors import UserError

IMAGE: Any = {"image": ("float32", ["batch", 1, 8, 8])}
FIXED: Any = {"image": ("float32", [2, 1, 8, 8])}
LOGITS = ["logits"]


def answers_like_cnn(done: Done, rows: int = 4) -> bool:
    image = torch.randn(rows, 1, 8, 8)
    (got,) = done.ask({"image": image.numpy()})
    return np.allclose(got, build("Cnn")(image).detach().numpy(), atol=1e-5) and golden_holds(done)


def failure(folder: Path, model: dict[str, Any]) -> UserError:
    with pytest.raises(UserError) as caught:
        run(folder, model)
    assert not (folder / "store").exists()
    return caught.value


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """The CNN from a state dict, with the code as a single file."""
    folder = tmp_path_factory.mktemp("plain")
    return run(folder, weights_only("Cnn", folder, (IMAGE, LOGITS)))


def test_a_state_dict(plain):
    assert answers_like_cnn(plain)
    assert plain.result.variant == "FP32"
    assert not plain.result.reused
    assert plain.result.reference_latency_us is not None
    assert plain.manifest.reference.framework == "PyTorch"
    assert plain.manifest.code_digest is not None


def test_the_same_recipe_is_not_run_again(plain):
    folder = plain.artifact.parent.parent
    again = run(folder, weights_only("Cnn", folder, (IMAGE, LOGITS)))
    assert again.result.reused
    assert again.result == plain.result.model_copy(update={"reused": True})
    assert {line["stage"] for line in again.progress} == {"Fetch", "Publish"}


def test_safetensors_with_the_code_in_an_archive(tmp_path):
    save_file(build("Cnn").state_dict(), tmp_path / "net.safetensors")
    with zipfile.ZipFile(tmp_path / "code.zip", "w") as archive:
        archive.writestr("zipped_nets/__init__.py", "")
        archive.writestr("zipped_nets/tiny.py", TINY_MODELS.read_text())
    model = {
        "source": {"uri": (tmp_path / "net.safetensors").as_uri()},
        "format": "SafeTensors",
        "factory": "zipped_nets.tiny:Cnn",
        "factoryKwargs": {"width": 4},
        "code": {"uri": (tmp_path / "code.zip").as_uri()},
        **ends(IMAGE, LOGITS),
    }
    assert answers_like_cnn(run(tmp_path, model))


def program_model(path: Path, inputs: Any = IMAGE) -> dict[str, Any]:
    return {"source": {"uri": path.as_uri()}, "format": "ExportedProgram", **ends(inputs, LOGITS)}


def test_an_exported_program(tmp_path):
    batch = ({0: torch.export.Dim("rows")},)
    path = save_program(build("Cnn"), tmp_path / "net.pt2", torch.zeros(2, 1, 8, 8), dynamic_shapes=batch)
    done = run(tmp_path, program_model(path))
    assert answers_like_cnn(done)
    assert done.manifest.outputs[0].shape == ["batch", 10]


def test_an_exported_program_with_a_fixed_batch(tmp_path):
    path = save_program(build("Cnn"), tmp_path / "net.pt2", torch.zeros(2, 1, 8, 8))
    error = failure(tmp_path, program_model(path))
    assert error.reason == "DynamicAxisFixed"
    assert "exported with batch=2" in error.message
    assert answers_like_cnn(run(tmp_path, program_model(path, FIXED)), rows=2)


def test_what_is_no_exported_program(tmp_path, plain):
    torch.save(build("Cnn").state_dict(), tmp_path / "net.pth")
    assert failure(tmp_path, program_model(tmp_path / "net.pth")).reason == "FormatMismatch"
    assert failure(tmp_path, program_model(plain.artifact / "model.onnx")).reason == "FormatMismatch"


def onnx_model(path: Path, inputs: Any = IMAGE, outputs: list[str] = LOGITS) -> dict[str, Any]:
    return {"source": {"uri": path.as_uri()}, "format": "ONNX", **ends(inputs, outputs)}


def test_an_onnx_file_is_served_as_it_is(tmp_path, plain):
    source = plain.artifact / "model.onnx"
    with served_form(AS_EXPORTED):
        done = run(tmp_path, onnx_model(source))
    assert (done.artifact / "model.onnx").read_bytes() == source.read_bytes()
    assert done.manifest.reference.framework == "ONNX"
    assert done.result.reference_latency_us is None
    assert answers_like_cnn(done)


def test_an_onnx_file_that_was_rewritten_answers_the_same(tmp_path, plain):
    with served_form(REWRITTEN):
        done = run(tmp_path, onnx_model(plain.artifact / "model.onnx"))
    (chosen,) = [candidate for candidate in done.manifest.candidates if candidate.chosen]
    assert chosen.details["graph"]["form"] == REWRITTEN
    assert chosen.size_bytes == (done.artifact / "model.onnx").stat().st_size
    assert done.manifest.reference.framework == "ONNX"
    assert answers_like_cnn(done)


@pytest.mark.parametrize(
    ("inputs", "outputs", "reason", "says"),
    [
        ({"x": ("float32", ["batch", 1, 8, 8])}, LOGITS, "InputMismatch", "the graph has image"),
        (IMAGE, ["y"], "OutputMismatch", "the graph has logits"),
        ({"image": ("float32", ["batch", 64])}, LOGITS, "InputMismatch", "image has 4 dimensions"),
        ({"image": ("float64", ["batch", 1, 8, 8])}, LOGITS, "InputMismatch", "image is float32 in the graph"),
        ({"image": ("float32", ["batch", 1, 8, 9])}, LOGITS, "InputMismatch", "image float32[batch, 1, 8, 9]"),
    ],
)
def test_an_onnx_file_that_is_not_as_declared(tmp_path, plain, inputs, outputs, reason, says):
    error = failure(tmp_path, onnx_model(plain.artifact / "model.onnx", inputs, outputs))
    assert error.reason == reason, error.message
    assert says in error.message


def test_an_onnx_file_with_a_fixed_batch(tmp_path):
    ends_of_graph = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 4]) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", ends_of_graph[:1], ends_of_graph[1:])
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), tmp_path / "net.onnx"
    )
    error = failure(tmp_path, onnx_model(tmp_path / "net.onnx", {"x": ("float32", ["batch", 4])}, ["y"]))
    assert error.reason == "DynamicAxisFixed"
    assert "dimension 0 of x is always 1" in error.message


@pytest.fixture
def divided(tmp_path, plain):
    """The CNN's graph in one file and its weights in another, beside a tokenizer."""
    folder = tmp_path / "net"
    folder.mkdir()
    model = onnx.load(plain.artifact / "model.onnx")
    onnx.save(model, folder / "net.onnx", save_as_external_data=True, location="weights.bin", size_threshold=512)
    (folder / "config.json").write_text("{}")
    (folder / "vocab.txt").write_text("hello")
    return folder


def test_an_onnx_file_with_its_weights_in_another_file(tmp_path, divided):
    with served_form(AS_EXPORTED):
        done = run(tmp_path, {"source": {"uri": f"{divided.as_uri()}/"}, **ends(IMAGE, LOGITS)})
    assert answers_like_cnn(done)
    paths = {entry.path for entry in done.manifest.files}
    assert {"model.onnx", "weights.bin", "tokenizer/vocab.txt"} <= paths


def test_a_rewritten_onnx_file_leaves_no_weights_behind_that_it_does_not_use(tmp_path, divided):
    with served_form(REWRITTEN):
        done = run(tmp_path, {"source": {"uri": f"{divided.as_uri()}/"}, **ends(IMAGE, LOGITS)})
    assert answers_like_cnn(done)
    assert not (done.artifact / "weights.bin").exists()
    (chosen,) = [candidate for candidate in done.manifest.candidates if candidate.chosen]
    assert chosen.size_bytes == (done.artifact / "model.onnx").stat().st_size


def test_an_onnx_file_without_its_weights(tmp_path, divided):
    (divided / "weights.bin").unlink()
    error = failure(tmp_path, onnx_model(divided / "net.onnx"))
    assert "keeps weights in weights.bin, which is not beside it" in error.message


def test_what_is_no_onnx_file(tmp_path):
    (tmp_path / "net.onnx").write_bytes(b"not a graph")
    assert failure(tmp_path, onnx_model(tmp_path / "net.onnx")).reason == "CheckpointInvalid"
