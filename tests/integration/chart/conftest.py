"""The chart, installed with the built images for one namespace, beside whatever else the cluster has."""

import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import chart, cluster

IMAGES = chart.ROOT / ".cluster" / "images.json"


class Release:
    """A Helm release of its own, which serves the namespace `models` of its own."""

    def __init__(self) -> None:
        suffix = uuid.uuid4().hex[:8]
        self.name, self.namespace, self.models = f"slipway-{suffix}", f"chart-{suffix}", f"chart-models-{suffix}"
        for namespace in (self.namespace, self.models):
            cluster.kubectl("create", "namespace", namespace)
            cluster.kubectl("label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted")

    def helm(self, verb: str, *arguments: str) -> str:
        command = (
            verb,
            self.name,
            *arguments,
            "--namespace",
            self.namespace,
            "--kubeconfig",
            str(cluster.kubeconfig()),
        )
        done = chart.run_helm(*command)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def upgrade(self, *values: str) -> str:
        """Install or upgrade, and wait until all pods are ready."""
        images = json.loads(IMAGES.read_text())
        sets = [
            f"images.operator={images['operator']}",
            f"images.optimizer.cpu={images['optimizer']}",
            f"images.optimizer.gpu={images['optimizer']}",
            f"images.serving.cpu={images['serving']}",
            f"images.serving.gpu={images['serving']}",
            f"watchNamespaces={{{self.models}}}",
            "crds.install=false",  # the cluster has it, and another release may own it
            *values,
        ]
        flags = [part for value in sets for part in ("--set", value)]
        return self.helm("upgrade", str(chart.CHART), "--install", "--wait", "--timeout=600s", *flags)

    def remove(self) -> None:
        self.helm("uninstall", "--ignore-not-found", "--wait")
        cluster.kubectl("delete", "namespace", self.namespace, self.models, "--wait=false")


@pytest.fixture(scope="module")
def release(crd: Path) -> Iterator[Release]:
    made = Release()
    try:
        yield made
    finally:
        made.remove()


@pytest.fixture(scope="module")
def installed(release: Release) -> Release:
    release.upgrade()
    return release
