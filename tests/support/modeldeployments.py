"""ModelDeployments for tests: the smallest one, changed by merge patches as kubectl patch has them (RFC 7386)."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

Kubectl = Callable[..., subprocess.CompletedProcess[str]]

MINIMAL: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "modeldeployment.yaml").read_text())


def merge_patch(target: Any, patch: Any) -> Any:
    """Maps are merged, null removes, anything else replaces; neither argument is changed."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def modeldeployment(patch: dict[str, Any], **metadata: str) -> dict[str, Any]:
    """The smallest ModelDeployment that the API server takes, with the patch over it."""
    return dict(merge_patch(merge_patch(MINIMAL, {"metadata": metadata}), patch))
