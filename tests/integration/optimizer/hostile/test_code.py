"""Files that would run code when they are loaded, wherever in them it hides: nothing of it runs."""

import json
import pickle
import re
import warnings
import zipfile

import numpy as np
import pytest
import torch
from support.hostile.canary import Canary, by_stack, npy, torch_saved, with_members, written_out
from support.hostile.models import LINE, weights, whole
from support.optimizer_jobs import build
from support.programs import save_program


def test_a_value_in_a_state_dict(tmp_path, mark, refused):
    for zipped in (True, False):
        (tmp_path / "net").write_bytes(torch_saved({"weight": Canary(mark)}, zipped=zipped))
        assert "posix.system" in refused(weights(tmp_path / "net"), reason="UnsafePickle").failed.message
        (tmp_path / "scratch").rmdir()


@pytest.mark.parametrize("name", ["net.pth", "net.safetensors", "net.onnx", "net.pt2"])
def test_the_object_itself_whatever_its_name(tmp_path, mark, refused, name):
    (tmp_path / name).write_bytes(torch_saved(Canary(mark)))
    refused(weights(tmp_path / name), reason="UnsafePickle")


@pytest.mark.parametrize("declared", ["SafeTensors", "StateDict"])
def test_a_pickle_that_is_declared_as_something_else(tmp_path, mark, refused, declared):
    (tmp_path / "net.safetensors").write_bytes(torch_saved({"weight": Canary(mark)}))
    refused(weights(tmp_path / "net.safetensors", format=declared))


@pytest.mark.parametrize("write", [written_out, by_stack, lambda mark: pickle.dumps(Canary(mark), protocol=2)])
def test_a_pickle_that_torch_did_not_write(tmp_path, mark, refused, write):
    (tmp_path / "net.pkl").write_bytes(write(mark))
    refused(weights(tmp_path / "net.pkl"))


@pytest.mark.parametrize("name", ["builtins eval", "builtins getattr", "__builtin__ exec", "torch.serialization load"])
def test_functions_that_lead_to_others(tmp_path, mark, good, refused, name):
    call = f"c{name.replace(' ', chr(10))}\n".encode() + b"X\x01\x00\x00\x00a\x85R."
    with_members(
        good["zip"], tmp_path / "net", lambda member, body: b"\x80\x02" + call if "data.pkl" in member else body
    )
    refused(weights(tmp_path / "net"), reason="UnsafePickle")


def test_a_whole_module_needs_both_to_say_yes(tmp_path, refused, monkeypatch):
    torch.save(build("Cnn"), tmp_path / "net.pt")
    message = refused(whole(tmp_path / "net.pt"), reason="UnsafePickle").failed.message
    assert "support.tiny_models.Cnn" in message
    assert "spec.model.allowPickle" in message
    (tmp_path / "scratch").rmdir()
    message = refused(whole(tmp_path / "net.pt", allowPickle=True), reason="UnsafePickle").failed.message
    assert "the administrator has not allowed it" in message
    (tmp_path / "scratch").rmdir()
    monkeypatch.setenv("SLIPWAY_ALLOW_PICKLE", "true")
    refused(whole(tmp_path / "net.pt"), reason="UnsafePickle")


def test_every_member_of_an_exported_program(tmp_path, mark, good, refused):
    with zipfile.ZipFile(good["program"]) as archive:
        names = [name for name in archive.namelist() if name.endswith((".pt", ".json", ".pkl", "weights", "constants"))]
    body = torch_saved(Canary(mark))
    for target in names:
        hostile = with_members(
            good["program"], tmp_path / "net.pt2", lambda name, old, at=target: body if name == at else old
        )
        refused(whole(hostile))
        (tmp_path / "scratch").rmdir()


@pytest.mark.parametrize("member", ["constants.pkl", "data.pkl"])
def test_pickles_in_a_torchscript(tmp_path, mark, good, refused, member):
    body = pickle.dumps(Canary(mark), protocol=2)
    with_members(good["torchscript"], tmp_path / "net", lambda name, old: body if name.endswith(member) else old)
    refused(whole(tmp_path / "net"))


class Saving(torch.nn.Module):
    """Writes a file when it is loaded, in TorchScript's own language."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path
        self.mapped = torch.zeros(8)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image

    @torch.jit.export
    def __getstate__(self) -> str:
        return self.path

    @torch.jit.export
    def __setstate__(self, state: str) -> None:
        self.mapped = torch.from_file(state, True, 8)
        self.path = state
        self.training = False


def test_a_torchscript_that_writes_files(tmp_path, mark, refused):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        torch.jit.save(torch.jit.script(Saving(str(mark))), tmp_path / "net.pt")
    assert "from_file" in refused(whole(tmp_path / "net.pt"), reason="UnsafePickle").failed.message


def torch_script_saying(good, target, line, member="tiny_models.py"):
    more = f"  def more(self, image: Tensor) -> Tensor:\n    _0 = {line}\n    return image\n".encode()
    return with_members(good["torchscript"], target, lambda name, old: old + more if name.endswith(member) else old)


@pytest.mark.parametrize(
    "line",
    [
        'ops.aten.save(image, "x")',
        'image.save ("x")',
        "torch.save",
        '(torch.# here\n  save)(image, "x")',
        'torch.\\\nsave(image, "x")',
        'print("#", torch.# here\n  save(image, "x"))',
        'getattr(torch, "sa" "ve")(image, "x")',
        'getattr((torch), "sa" "ve")(image, "x")',
        'getattr(torch, "save")(image, "x")',
        "__torch__.torch.classes.aoti.AOTIModelRunnerCpu()",
        "__torch__.torch\n    c = _0.classes.aoti.AOTIModelRunnerCpu()",
        "ops.inductor.something(image)",
        "ops\n    b = _0.inductor.something(image)",
    ],
)
def test_what_touches_files_or_libraries_is_found_before_it_is_loaded(tmp_path, good, refused, line):
    refused(whole(torch_script_saying(good, tmp_path / "net", line)), reason="UnsafePickle")


def test_a_torchscript_whose_code_is_called_otherwise(tmp_path, good, refused):
    """PyTorch finds it by any capitals; and in archives of the oldest kind, by the name that their index gives it."""
    hostile = torch_script_saying(good, tmp_path / "first", 'torch.save(image, "x")')
    with zipfile.ZipFile(hostile) as source, zipfile.ZipFile(tmp_path / "net", "w") as copy:
        for name in source.namelist():
            copy.writestr(name.replace("/code/", "/Code/").replace(".py", ".PY"), source.read(name))
    refused(whole(tmp_path / "net"))
    (tmp_path / "scratch").rmdir()
    with_members(good["torchscript"], tmp_path / "old", lambda name, old: old)
    with zipfile.ZipFile(tmp_path / "old", "a") as archive:
        archive.writestr(f"{archive.namelist()[0].split('/')[0]}/model.json", "{}")
    assert "1.4" in refused(whole(tmp_path / "old"), reason="CheckpointInvalid").failed.message


def test_an_archive_with_two_directories(tmp_path, mark, good, refused):
    """Python reads the one before the end, PyTorch the one that the end names."""
    harmful = torch_script_saying(good, tmp_path / "first", 'torch.save(image, "x")').read_bytes()
    harmless = torch_script_saying(good, tmp_path / "second", "torch.relu(image   )").read_bytes()
    (tmp_path / "net").write_bytes(harmful[:-22] + harmless)
    assert zipfile.is_zipfile(tmp_path / "net")
    assert "other bytes" in refused(whole(tmp_path / "net"), reason="CheckpointInvalid").failed.message


RUN = "__import__('os').system('touch {mark}')"


@pytest.mark.parametrize(
    ("said", "instead"),
    [
        ("Symbol('s77', positive=True, integer=True)", RUN),
        ("Symbol('s77', positive=True, integer=True)", "Symbol('s77', positive=sympify(Symbol))"),
        ('"guards_code": []', '"guards_code": ["' + RUN + ' == 0"]'),
        ('"guards_code": []', """"guards_code": ["L['x'].__class__"]"""),
        ('"guards_code": []', """"guards_code": ["L['x\\"), print(1']"]"""),
        ('"guards_code": []', '"guards_code": ["True #"]'),
        ('"forward_arg_names": ["image"]', '"forward_arg_names": ["image=' + RUN + '"]'),
        ('{"name": "image"}', '{"name": "image=' + RUN + '"}'),
        ("torch.ops.aten.relu.default", "torch.os.system"),
        ("torch.ops.aten.relu.default", "torch.ops.aten.from_file.default"),
        ("torch.ops.aten.relu.default", "torch.ops.inductor._alloc_from_pool.default"),
    ],
)
def test_an_exported_program_whose_graph_is_python(tmp_path, mark, refused, said, instead):
    batch = torch.export.Dim("batch")
    program = save_program(build("Cnn"), tmp_path / "good.pt2", torch.zeros(3, 1, 8, 8), dynamic_shapes=({0: batch},))
    said, instead = said.encode(), instead.replace("{mark}", str(mark)).encode()
    with zipfile.ZipFile(program) as archive:
        name = next(name for name in archive.namelist() if name.endswith("models/model.json"))
        graph = archive.read(name)
    said = next(text for text in {said, re.sub(rb"s77", symbol_in(graph), said)} if text in graph)
    with_members(program, tmp_path / "net.pt2", lambda at, old: old.replace(said, instead) if at == name else old)
    refused(whole(tmp_path / "net.pt2"), reason="UnsafePickle")


def symbol_in(graph: bytes) -> bytes:
    return re.search(rb"Symbol\('(\w+)'", graph)[1]


@pytest.mark.parametrize(
    ("member", "body"),
    [
        ("data/aotinductor/model/net.so", b"\x7fELF"),
        ("data/AOTInductor/model/net.so", b"\x7fELF"),
        ("data/constants/other_constants_config.json", b'{"config": {"a": {"path_name": "opaque_obj_0"}}}'),
        ("data/constants/other_constants_config.json", b'{"config": {"a": {"path_name": "custom_obj_0"}}}'),
    ],
)
def test_an_exported_program_with_libraries_or_objects(tmp_path, good, refused, member, body):
    with_members(good["program"], tmp_path / "net.pt2", lambda name, old: old)
    with zipfile.ZipFile(tmp_path / "net.pt2", "a") as archive:
        archive.writestr(f"{archive.namelist()[0].split('/')[0]}/{member}", body)
    refused(whole(tmp_path / "net.pt2"), reason="UnsafePickle")


def test_objects_in_the_data(tmp_path, mark, good, refused):
    np.savez(tmp_path / "rows.npz", x=np.array([Canary(mark)], dtype=object))
    evaluate = {"evaluate": {"data": {"uri": (tmp_path / "rows.npz").as_uri()}}}
    refused(whole(good["onnx"], **LINE), evaluate, reason="DataInvalid")


def test_objects_in_the_data_that_say_they_are_none(tmp_path, mark, good, refused):
    with zipfile.ZipFile(tmp_path / "rows.npz", "w") as archive:
        archive.writestr("x.npy", npy("'|O'", "(1, 4)", pickle.dumps(Canary(mark))))
    evaluate = {"evaluate": {"data": {"uri": (tmp_path / "rows.npz").as_uri()}}}
    refused(whole(good["onnx"], **LINE), evaluate, reason="DataInvalid")


def transformers_folder(tmp_path, config):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    return folder


CODE = {"auto_map": {"AutoConfig": "own.Config", "AutoModel": "own.Net"}}


@pytest.mark.parametrize(
    "config",
    [
        {"model_type": "own", "architectures": ["Net"], **CODE},
        {"model_type": "own", "architectures": ["BertModel"], **CODE},
        {"model_type": "bert", "architectures": ["pipeline"]},
        {"model_type": "bert", "architectures": ["BertModel"], "attn_implementation": "somebody/kernels"},
        {"model_type": "bert", "architectures": ["BertModel"], "text_config": {"_attn_implementation": "a/b"}},
        {"model_type": "bert"},
        [],
    ],
)
def test_a_transformers_folder_that_brings_code(tmp_path, mark, good, refused, config):
    folder = transformers_folder(tmp_path, config)
    (folder / "own.py").write_text(f"open({str(mark)!r}, 'w')")
    (folder / "model.safetensors").write_bytes(good["safetensors"].read_bytes())
    refused(whole(folder))


def test_a_transformers_folder_of_pickles(tmp_path, mark, refused):
    folder = transformers_folder(tmp_path, {"model_type": "bert", "architectures": ["BertModel"]})
    (folder / "pytorch_model.bin").write_bytes(torch_saved({"weight": Canary(mark)}))
    refused(whole(folder), reason="UnsafePickle")
