"""ModelDeployments for tests: the smallest one, changed by merge patches."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from support.merge_patch import merge_patch

Kubectl = Callable[..., subprocess.CompletedProcess[str]]

MINIMAL: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "modeldeployment.yaml").read_text())


def modeldeployment(patch: dict[str, Any], **metadata: str) -> dict[str, Any]:
    """The smallest ModelDeployment that the API server takes, with the patch over it."""
    return dict(merge_patch(merge_patch(MINIMAL, {"metadata": metadata}), patch))
