"""What a file or a folder is, told from its bytes; and what is said where the spec says something else."""

import importlib
import sys
import warnings
from pathlib import Path
from typing import Any

import onnx
import pytest
import torch
from onnx import TensorProto, helper
from safetensors.torch import save_file
from support.optimizer import TINY_MODELS, model_spec
from support.programs import save_program
from support.tiny_models import Cnn

from slipway_optimizer.errors import UserError
from slipway_optimizer.formats.detect import detect_format, settle_format
from slipway_optimizer.formats.load import load_model

IMAGE: Any = {"image": ("float32", ["batch", 1, 8, 8])}
FACTORY = {"factory": "tiny_models:Cnn"}


def graph() -> onnx.ModelProto:
    shapes = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 1, 8, 8]) for name in ("image", "y")]
    body = helper.make_graph([helper.make_node("Relu", ["image"], ["y"])], "relu", shapes[:1], shapes[1:])
    return helper.make_model(body, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def write_all(folder: Path) -> dict[str, Path]:
    """One source of each kind, by the format that it is; none has a name that tells it."""
    module = Cnn().eval()
    paths = {name: folder / f"{number}.bin" for number, name in enumerate(("zip", "legacy", "SafeTensors", "ONNX"))}
    torch.save(module.state_dict(), paths["zip"])
    torch.save(module.state_dict(), paths["legacy"], _use_new_zipfile_serialization=False)
    save_file(module.state_dict(), paths["SafeTensors"])
    onnx.save(graph(), paths["ONNX"])
    for name in ("module", "legacy module", "TorchScript"):
        paths[name] = folder / name
    torch.save(module, paths["module"])
    torch.save(module, paths["legacy module"], _use_new_zipfile_serialization=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        torch.jit.save(torch.jit.script(module), paths["TorchScript"])
    paths["ExportedProgram"] = save_program(module, folder / "program.pt2", torch.zeros(1, 1, 8, 8))
    return paths | write_folders(folder)


def write_folders(folder: Path) -> dict[str, Path]:
    paths = {name: folder / name.replace(" ", "-") for name in ("Transformers", "shards", "ONNX folder")}
    for path in paths.values():
        path.mkdir()
    for name in ("Transformers", "shards"):
        save_file({"w": torch.zeros(1)}, paths[name] / "model.safetensors")
    (paths["Transformers"] / "config.json").write_text("{}")
    onnx.save(graph(), paths["ONNX folder"] / "net.onnx")
    return paths


@pytest.fixture(scope="module")
def sources(tmp_path_factory) -> dict[str, Path]:
    return write_all(tmp_path_factory.mktemp("sources"))


FOUND = {
    "zip": "StateDict",
    "legacy": "StateDict",
    "SafeTensors": "SafeTensors",
    "shards": "SafeTensors",
    "ONNX": "ONNX",
    "ONNX folder": "ONNX",
    "TorchScript": "TorchScript",
    "ExportedProgram": "ExportedProgram",
    "Transformers": "Transformers",
    "module": "PickledModule",
    "legacy module": "PickledModule",
}


@pytest.mark.parametrize("name", FOUND)
def test_the_bytes_tell(sources, name):
    assert detect_format(sources[name]) == FOUND[name]


def spec(path: Path, **fields: Any) -> Any:
    return model_spec(IMAGE, ["logits"], {"source": {"uri": path.as_uri()}, **fields})


def mismatch(path: Path, **fields: Any) -> str:
    with pytest.raises(UserError) as caught:
        settle_format(spec(path, **fields), path)
    assert caught.value.reason == "FormatMismatch"
    return caught.value.message


@pytest.mark.parametrize("name", [name for name, found in FOUND.items() if found != "PickledModule"])
def test_the_spec_may_say_it_too(sources, name):
    found = FOUND[name]
    fields = FACTORY if found in {"StateDict", "SafeTensors"} else {}
    assert settle_format(spec(sources[name], format=found, **fields), sources[name]) == found
    assert settle_format(spec(sources[name], **fields), sources[name]) == found


def test_what_the_spec_says_wrongly(sources):
    message = mismatch(sources["SafeTensors"], format="ONNX")
    assert "The spec says format ONNX, and the file is a .safetensors file: remove format and set factory" in message
    assert "and the file is an ONNX model: remove format and factory" in mismatch(
        sources["ONNX"], format="StateDict", **FACTORY
    )
    assert "is a TorchScript archive" in mismatch(sources["TorchScript"], format="ExportedProgram")
    assert "is an exported program" in mismatch(sources["ExportedProgram"], format="TorchScript")
    assert "and the folder is a Transformers folder" in mismatch(sources["Transformers"], format="ONNX")


def test_fields_that_do_not_fit_what_was_found(sources):
    assert "The file is a state dict, which holds weights only: set spec.model.factory" in mismatch(sources["zip"])
    assert "The file is an ONNX model, for which factory has no meaning" in mismatch(sources["ONNX"], **FACTORY)
    assert "for which submodule has no meaning" in mismatch(sources["ExportedProgram"], submodule="features")
    assert "for which modelClass has no meaning" in mismatch(sources["ONNX"], modelClass="AutoModel")
    assert "or set format to SafeTensors" in mismatch(sources["Transformers"], **FACTORY)


def test_a_transformers_folder_may_be_taken_for_weights(sources):
    path = sources["Transformers"]
    assert settle_format(spec(path, format="SafeTensors", **FACTORY), path) == "SafeTensors"


def test_a_folder_of_something_else_lists_what_is_there(tmp_path):
    (tmp_path / "notes.txt").write_text("notes")
    with pytest.raises(UserError, match=r"The folder holds notes\.txt, and neither"):
        detect_format(tmp_path)


@pytest.mark.parametrize("name", ["module", "legacy module"])
def test_a_whole_module_where_both_allow_it(sources, monkeypatch, name):
    monkeypatch.setenv("SLIPWAY_ALLOW_PICKLE", "true")
    path = sources[name]
    model = load_model(spec(path, allowPickle=True), path, None)
    image = torch.randn(2, 1, 8, 8)
    right = torch.load(path, weights_only=False)(image)
    assert torch.allclose(torch.from_numpy(model.run({"image": image.numpy()})[0]), right)


def test_a_whole_module_in_a_dict_where_both_allow_it(tmp_path, monkeypatch):
    monkeypatch.setenv("SLIPWAY_ALLOW_PICKLE", "true")
    torch.save({"model": Cnn().half(), "epoch": 3}, tmp_path / "net.pt")
    for fields in ({}, {"format": "PickledModule"}):
        model = load_model(spec(tmp_path / "net.pt", allowPickle=True, **fields), tmp_path / "net.pt", None)
        assert model.run({"image": torch.randn(2, 1, 8, 8).numpy()})[0].shape == (2, 10)
    torch.save({"a": Cnn(), "b": Cnn()}, tmp_path / "two.pt")
    with pytest.raises(UserError, match="The pickle holds a dict with 2 modules"):
        load_model(spec(tmp_path / "two.pt", allowPickle=True), tmp_path / "two.pt", None)


def test_a_whole_module_that_needs_code_that_is_not_there(tmp_path, monkeypatch):
    monkeypatch.setenv("SLIPWAY_ALLOW_PICKLE", "true")
    with monkeypatch.context() as elsewhere:
        elsewhere.syspath_prepend(TINY_MODELS.parent)
        torch.save(importlib.import_module("tiny_models").Cnn(), tmp_path / "net.pt")
    sys.modules.pop("tiny_models")
    with pytest.raises(UserError) as caught:
        load_model(spec(tmp_path / "net.pt", allowPickle=True), tmp_path / "net.pt", None)
    assert caught.value.reason == "FactoryNotFound"
    assert "No module named 'tiny_models'" in caught.value.message
    code = tmp_path / "code"
    code.mkdir()
    (code / "tiny_models.py").write_text(TINY_MODELS.read_text())
    assert load_model(spec(tmp_path / "net.pt", allowPickle=True), tmp_path / "net.pt", code).size_bytes > 0


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"weights": {"key": "a"}}, "set factory, or remove weights"),
        ({"weights": {}, **FACTORY}, "set key or prefix, or remove weights"),
        ({"submodule": "a", "format": "ONNX"}, "submodule belongs to format TorchScript"),
        ({"submodule": "a", **FACTORY}, "submodule belongs to format TorchScript"),
        ({"modelClass": "AutoModel", "format": "ONNX"}, "modelClass belongs to format Transformers"),
        ({"modelClass": "os.system"}, "model"),
        ({"allowPickle": True, "format": "ONNX"}, "allowPickle belongs to format PickledModule"),
        ({"format": "PickledModule"}, "set allowPickle to true if you trust it"),
        ({"factoryArgs": [1]}, "set factory, or remove them"),
        ({"format": "StateDict"}, "holds weights only: set factory"),
        ({"format": "TorchScript", **FACTORY}, "holds the whole model: remove factory"),
    ],
)
def test_fields_that_contradict_each_other(fields, says):
    with pytest.raises(ValueError, match=says):
        model_spec(IMAGE, ["logits"], {"source": {"uri": "file:///net"}, **fields})
