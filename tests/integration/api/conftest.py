"""The CRD as it is in the repository, on the running cluster, and a namespace for each module."""

import json
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from demo import shell
from support import cluster
from support.modeldeployments import Kubectl


@pytest.fixture(scope="module")
def namespace(crd: Path) -> Iterator[str]:
    name = f"api-{uuid.uuid4().hex[:8]}"
    cluster.kubectl("create", "namespace", name)
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture(scope="module")
def kubectl(namespace: str) -> Kubectl:
    """kubectl in the module's namespace, failing or not; `stdin` is sent as JSON."""

    def run(*arguments: str, stdin: Any = None) -> subprocess.CompletedProcess[str]:
        command = [
            shell.tool("kubectl"),
            f"--kubeconfig={cluster.kubeconfig()}",
            f"--namespace={namespace}",
            *arguments,
        ]
        text = None if stdin is None else json.dumps(stdin)
        return subprocess.run(command, input=text, capture_output=True, text=True, check=False)

    return run
