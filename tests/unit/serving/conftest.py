"""Artifacts that several files of tests serve."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from support.artifacts import build_mlp, write_artifact
from support.serving_app import client_of, loaded_plane

from slipway_serving.dataplane import DataPlane


@pytest.fixture(scope="session")
def mlp_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mlp")
    write_artifact(folder, build_mlp())
    return folder


@pytest.fixture
def plane(mlp_folder: Path) -> Iterator[DataPlane]:
    with loaded_plane(mlp_folder) as plane:
        yield plane


@pytest.fixture
async def client(plane: DataPlane) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(plane) as connected:
        yield connected
