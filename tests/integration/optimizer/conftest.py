"""One server of each kind of bucket for all tests, and import state that does not outlive its test."""

import sys
from collections.abc import Iterator

import pytest
from support.azure import AzureServer, azure_server
from support.gcs import GcsServer, gcs_server
from support.s3 import ObjectStore, object_store

from slipway_optimizer.environment import let_waiting_threads_sleep

# As the command does, before any test imports PyTorch.
let_waiting_threads_sleep()


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    with object_store(tmp_path_factory.mktemp("s3") / "objects") as store:
        yield store


@pytest.fixture(scope="session")
def gcs() -> Iterator[GcsServer]:
    with gcs_server() as server:
        yield server


@pytest.fixture(scope="session")
def azure() -> Iterator[AzureServer]:
    with azure_server() as server:
        yield server


@pytest.fixture(params=["s3", "gcs", "azure"])
def bucket(request: pytest.FixtureRequest) -> ObjectStore | GcsServer | AzureServer:
    """Each of them in turn: what they offer a test is the same."""
    server: ObjectStore | GcsServer | AzureServer = request.getfixturevalue(request.param)
    return server


@pytest.fixture(autouse=True)
def own_import_state(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    for name in ("tiny_models", "both"):
        sys.modules.pop(name, None)
