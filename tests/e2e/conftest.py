"""The installed product: Helm release, images, S3 server. Each module of tests gets a `restricted` namespace."""

import re
from collections.abc import Iterator

import pytest
from demo import object_store
from demo.install import install
from demo.shell import apply, kubectl


@pytest.fixture(scope="session")
def slipway() -> None:
    install()


@pytest.fixture(scope="module")
def namespace(request: pytest.FixtureRequest, slipway: None) -> Iterator[str]:
    name = re.sub("[^a-z0-9]+", "-", request.module.__name__.rsplit(".", 1)[-1])
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
    object_store.create_credentials(name)
    yield name
    kubectl("delete", "namespace", name, "--wait=false")
