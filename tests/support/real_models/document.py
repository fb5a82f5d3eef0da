"""A ModelDeployment for the optimizer, with everything on local disk."""

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

CODE = Path(__file__).parent / "code"


def document(name: str, model: Mapping[str, Any], optimize: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "serving.slipway.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": name},
        "spec": {"model": dict(model), "optimize": dict(optimize)},
    }


def at(path: Path) -> dict[str, str]:
    """A file on local disk as a source."""
    return {"uri": path.resolve().as_uri()}


def package(name: str) -> Path:
    """The folder of an installed package, without importing it."""
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise LookupError(f"{name} is not installed: run `make setup`")
    return Path(spec.origin).parent
