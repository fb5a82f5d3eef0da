"""Specs, sources and artifacts for the optimizer's tests."""

from pathlib import Path
from typing import Any

import yaml

from slipway_contract.manifest import MANIFEST_FILE, MODEL_FILE, Manifest
from slipway_optimizer.artifact import list_files, write_manifest
from slipway_optimizer.spec import ModelSpec

TINY_MODELS = Path(__file__).parent / "tiny_models.py"
ONNX_MODEL = {"source": {"uri": "file:///models/net.onnx"}, "format": "ONNX"}


def model_spec(
    inputs: dict[str, tuple[str, list[int | str]]], outputs: list[str], model: dict[str, Any] | None = None
) -> ModelSpec:
    """A parsed `spec.model`: inputs as name -> (dtype, shape)."""
    return ModelSpec.model_validate({**(model or ONNX_MODEL), **ends(inputs, outputs)})


def ends(inputs: dict[str, tuple[str, list[int | str]]], outputs: list[str]) -> dict[str, Any]:
    return {
        "inputs": [{"name": name, "dtype": dtype, "shape": shape} for name, (dtype, shape) in inputs.items()],
        "outputs": [{"name": name} for name in outputs],
    }


def write_spec(folder: Path, model: dict[str, Any], optimize: dict[str, Any] | None = None) -> Path:
    """A ModelDeployment as YAML, with fields beside those that the optimizer reads."""
    document = {
        "apiVersion": "serving.slipway.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": "net", "namespace": "models"},
        "spec": {"model": model, "optimize": optimize or {}, "serve": {"accelerator": {"count": 0}}, "scale": {}},
    }
    path = folder / "modeldeployment.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


def write_artifact(folder: Path, recipe_digest: str, model: bytes = b"model") -> Path:
    """A finished artifact's folder, ready to be published; only the files in it are not a real model."""
    folder.mkdir(parents=True)
    (folder / MODEL_FILE).write_bytes(model)
    example = Path(__file__).parents[1] / "unit/contract/golden/v1-minimal.json"
    manifest = Manifest.model_validate_json(example.read_bytes())
    changes = {"recipe_digest": recipe_digest, "files": list_files(folder)}
    write_manifest(manifest.model_copy(update=changes), folder)
    assert (folder / MANIFEST_FILE).is_file()
    return folder
