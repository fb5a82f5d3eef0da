"""What the tests of every part that meets the API server need: the resource itself."""

from pathlib import Path

import pytest
from support import cluster

CRD_FILE = cluster.ROOT / "crds" / "serving.slipway.dev_modeldeployments.yaml"


@pytest.fixture(scope="session")
def crd() -> Path:
    """Installed with server-side apply, so that a chart that installed the same CRD keeps its share of it."""
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(CRD_FILE))
    cluster.kubectl("wait", "--for=condition=Established", "--timeout=30s", "-f", str(CRD_FILE))
    return CRD_FILE
