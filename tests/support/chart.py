"""The Helm chart, rendered."""

import os
import subprocess
from functools import cache
from typing import Any

import yaml
from demo import shell

ROOT = shell.ROOT
CHART = ROOT / "charts" / "slipway"
RELEASE = "slipway"
NAMESPACE = "slipway-system"
KUBE_VERSION = "1.37.2"


def helm() -> str:
    """The one that HELM names, else the bundled cluster's, else the one on PATH."""
    return os.environ.get("HELM") or shell.tool("helm")


def run_helm(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run([helm(), *arguments], capture_output=True, text=True, check=False, **options)


@cache
def render(*values: str, namespace: str = NAMESPACE) -> tuple[dict[str, Any], ...]:
    """Objects of the release; `values` as for --set, or --set-json where they hold JSON."""
    flags = [part for it in values for part in (("--set-json" if "=[" in it or "={" in it else "--set"), it)]
    command = ("template", RELEASE, str(CHART), "--namespace", namespace, "--kube-version", KUBE_VERSION)
    done = run_helm(*command, *flags)
    assert done.returncode == 0, done.stderr
    return tuple(it for it in yaml.safe_load_all(done.stdout) if it)


def refusal(*values: str) -> str:
    """What helm says to values that it refuses."""
    flags = [part for it in values for part in ("--set-json", it)]
    done = run_helm("template", RELEASE, str(CHART), "--kube-version", KUBE_VERSION, *flags)
    assert done.returncode != 0, "helm accepted this"
    return done.stderr
