"""The other way to a cluster, where Docker and kind exist: `make cluster-up CLUSTER=kind`."""

import shutil
import subprocess

from slipway_cluster.errors import ClusterError
from slipway_cluster.paths import Layout

NAME = "slipway"


def up(layout: Layout) -> None:
    require_programs()
    layout.root.mkdir(exist_ok=True)
    clusters = subprocess.run(["kind", "get", "clusters"], check=True, capture_output=True, text=True).stdout.split()
    verb = ["export", "kubeconfig"] if NAME in clusters else ["create", "cluster", "--wait=120s"]
    _kind(*verb, f"--name={NAME}", f"--kubeconfig={layout.kubeconfig}")


def down(layout: Layout) -> None:
    require_programs()
    _kind("delete", "cluster", f"--name={NAME}", f"--kubeconfig={layout.kubeconfig}")


def require_programs() -> None:
    missing = [program for program in ("docker", "kind", "kubectl") if shutil.which(program) is None]
    if missing:
        raise ClusterError(
            f"CLUSTER=kind needs docker, kind and kubectl on PATH; missing: {', '.join(missing)}. "
            "The bundled cluster, without CLUSTER=kind, needs none of them."
        )


def _kind(*arguments: str) -> None:
    if subprocess.run(["kind", *arguments], check=False).returncode != 0:
        raise ClusterError(f"`kind {' '.join(arguments)}` failed; its own message is above.")
