"""One good file of every format, and one place to see that a refusal is one."""

import importlib
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
import torch
from onnx import TensorProto, helper
from safetensors.torch import save_file
from support.hostile.job import MIB, Refusal, refuse
from support.optimizer_jobs import build
from support.programs import save_program

from slipway_contract.result import ExitCode

Refuse = Callable[..., Refusal]
MOST_MEMORY = 512 * MIB


@pytest.fixture(scope="session", autouse=True)
def caches_of_pytorch() -> None:
    """Its import makes a folder for them in whatever is the place for temporary files then."""
    importlib.import_module("torch._dynamo")


@pytest.fixture(scope="session")
def good(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The CNN in every format, and a line y = relu(x) as ONNX."""
    folder = tmp_path_factory.mktemp("good")
    module = build("Cnn")
    files = {name: folder / name for name in ("zip", "legacy", "safetensors", "torchscript", "program", "onnx")}
    torch.save(module.state_dict(), files["zip"])
    torch.save(module.state_dict(), files["legacy"], _use_new_zipfile_serialization=False)
    save_file(module.state_dict(), files["safetensors"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        torch.jit.save(torch.jit.script(module), files["torchscript"])
    save_program(module, files["program"].with_suffix(".pt2"), torch.zeros(2, 1, 8, 8))
    files["program"] = files["program"].with_suffix(".pt2")
    onnx.save(line(), files["onnx"])
    return files


def line() -> onnx.ModelProto:
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 4]) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "line", ends[:1], ends[1:])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    """A file that only code of the hostile author makes."""
    return tmp_path / "ran"


@pytest.fixture
def refused(tmp_path: Path, mark: Path) -> Refuse:
    """Run a Job, and see that it is refused as a hostile file has to be; returns the refusal."""

    def check(model: dict[str, Any], optimize: dict[str, Any] | None = None, reason: str | None = None) -> Refusal:
        refusal = refuse(tmp_path, model, optimize)
        message = refusal.failed.message
        assert (refusal.code, refusal.failed.exit_class) == (ExitCode.USER, "user"), refusal.failed
        assert reason in {None, refusal.failed.reason}, refusal.failed
        assert message.endswith((".", "…")), message
        assert "Traceback" not in message
        assert not mark.exists()
        assert refusal.left == []
        assert refusal.memory < MOST_MEMORY
        return refusal

    return check
