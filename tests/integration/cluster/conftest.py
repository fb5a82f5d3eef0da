"""These tests hold the bundled cluster itself; they say nothing about a cluster that KUBECONFIG names."""

import os
import uuid
from collections.abc import Iterator

import pytest
from support.cluster import BUNDLED, kubectl

BUNDLED_KUBECONFIG = str(BUNDLED / "kubeconfig")
collect_ignore_glob = [] if os.environ.get("KUBECONFIG", BUNDLED_KUBECONFIG) == BUNDLED_KUBECONFIG else ["test_*.py"]


@pytest.fixture(scope="module")
def namespace(no_installed_slipway: None) -> Iterator[str]:
    name = f"bundled-{uuid.uuid4().hex[:8]}"
    kubectl("create", "namespace", name)
    kubectl("label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")
    yield name
    kubectl("delete", "namespace", name, "--wait=false")
