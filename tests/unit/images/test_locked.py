"""What is asked of uv: everything that the lock has for an extra, for the lean flavor without CUDA."""

import tomllib
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import locked
import pytest
from locked import Request

LEAN = Request(venv=Path("/opt/venv"), extras=["optimizer"])


@pytest.fixture(scope="module")
def lock() -> dict[str, Any]:
    return tomllib.loads((Path(__file__).parents[3] / "uv.lock").read_text())


def not_installed(arguments: list[str]) -> set[str]:
    return {value for option, value in pairwise(arguments) if option == "--no-install-package"}


def test_cuda_is_what_the_lock_names_after_nvidia_cuda_and_triton(lock: dict[str, Any]) -> None:
    names = locked.cuda_packages(lock)
    assert {"nvidia-cudnn-cu13", "cuda-toolkit", "triton"} <= set(names)
    assert not {"torch", "onnxruntime", "onnxruntime-gpu", "tritonclient"} & set(names)


def test_lean_flavor_leaves_cuda_out_and_keeps_torch(lock: dict[str, Any]) -> None:
    arguments = locked.sync_arguments(LEAN, lock)
    assert not_installed(arguments) == set(locked.cuda_packages(lock))
    assert arguments[arguments.index("--extra") + 1] == "optimizer"


def test_gpu_flavor_installs_everything_of_the_gpu_extra(lock: dict[str, Any]) -> None:
    arguments = locked.sync_arguments(replace(LEAN, flavor="gpu"), lock)
    assert not_installed(arguments) == set()
    assert arguments[arguments.index("--extra") + 1] == "optimizer-gpu"


def test_torch_from_an_index_of_its_own_is_the_locked_version(lock: dict[str, Any]) -> None:
    request = replace(LEAN, torch_index="https://wheels.example/cpu")
    assert "torch" in not_installed(locked.sync_arguments(request, lock))
    arguments = locked.torch_from_index(request, lock)
    assert arguments[-1] == f"torch=={locked.torch_version(lock)}"
    assert arguments[arguments.index("--index-url") + 1] == "https://wheels.example/cpu"


def test_nothing_is_resolved_anew(lock: dict[str, Any]) -> None:
    assert "--frozen" in locked.sync_arguments(LEAN, lock)


def test_project_itself_is_installed_for_developers_only(lock: dict[str, Any]) -> None:
    assert "--no-install-project" in locked.sync_arguments(LEAN, lock)
    assert "--no-install-project" not in locked.sync_arguments(replace(LEAN, editable=True), lock)


@pytest.mark.parametrize("extra", ["operator", "optimizer", "optimizer-gpu", "serving", "serving-gpu"])
def test_every_extra_that_an_image_installs_is_in_the_lock(lock: dict[str, Any], extra: str) -> None:
    project = next(package for package in lock["package"] if package["name"] == "slipway")
    assert extra in project["optional-dependencies"]
