"""What the tests of every part that meets the API server need: the resource, and nobody else who works on it."""

from pathlib import Path

import pytest
from demo import install, shell
from support import cluster
from support.custom_metrics_group import api_service

CRD_FILE = cluster.ROOT / "crds" / "serving.slipway.dev_modeldeployments.yaml"
INSTALLED = "app.kubernetes.io/part-of=slipway,app.kubernetes.io/component=operator"


@pytest.fixture(scope="session")
def no_installed_slipway() -> None:
    """An installed operator would work on the tests' objects, too. End-to-end tests install it again.

    The bundled cluster is emptied of models and of the release that the demo left; any other is left as it is.
    """
    if not shell.get_all("deployments", "-A", "-l", INSTALLED):
        return
    if not shell.is_bundled():
        pytest.exit("Slipway is installed in this cluster and would work on the tests' objects: use another cluster", 1)
    cluster.kubectl("delete", "modeldeployments", "--all", "--all-namespaces", "--wait")
    install.uninstall()
    cluster.wait_for(lambda: api_service() is None, message="the metrics API's registration outlived its release")


@pytest.fixture(scope="session")
def crd(no_installed_slipway: None) -> Path:
    """Installed with server-side apply, so that a chart that installed the same CRD keeps its share of it."""
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(CRD_FILE))
    cluster.kubectl("wait", "--for=condition=Established", "--timeout=300s", "-f", str(CRD_FILE))
    cluster.wait_for(_is_discovered, message="the API server never served the CRD")
    return CRD_FILE


def _is_discovered() -> bool:
    """Discovery learns of a CRD a moment after it is established."""
    return "modeldeployments" in cluster.kubectl("api-resources", "--api-group=serving.slipway.dev", "-o", "name")
