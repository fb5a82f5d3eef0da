"""Artifacts for real server processes: a fast model, and one whose runs take a while."""

from pathlib import Path

import pytest
from support.artifacts import build_mlp, build_slow, write_artifact


@pytest.fixture(scope="session")
def mlp_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mlp")
    write_artifact(folder, build_mlp())
    return folder


@pytest.fixture(scope="session")
def slow_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """y = x + 20000, by a loop in the graph that takes some tens of milliseconds."""
    folder = tmp_path_factory.mktemp("slow")
    write_artifact(folder, build_slow(width=4, repeats=20_000), name="slow")
    return folder


@pytest.fixture(scope="session")
def sluggish_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose golden request alone takes a second or more."""
    folder = tmp_path_factory.mktemp("sluggish")
    write_artifact(folder, build_slow(width=4, repeats=1_000_000), name="sluggish")
    return folder


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "server.log"
