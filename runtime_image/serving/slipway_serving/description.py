"""What the server says about itself and its model: Open Inference Protocol metadata, Triton's model configuration."""

from collections.abc import Sequence
from typing import Any

from slipway_contract import __version__
from slipway_contract.manifest import Manifest, TensorSpec, batch_axis
from slipway_serving.datatypes import DATATYPES
from slipway_serving.statistics import Statistics

VERSION = "1"
"""The one version of a server's model, in routes and answers. Which one it really is, the artifact digest tells."""

_PLATFORM = "onnxruntime_onnx"


def describe_server() -> dict[str, Any]:
    return {
        "name": "slipway",
        "version": __version__,
        "extensions": ["binary_tensor_data", "model_configuration", "model_repository", "statistics"],
    }


def describe_model(name: str, manifest: Manifest) -> dict[str, Any]:
    return {
        "name": name,
        "versions": [VERSION],
        "platform": _PLATFORM,
        "inputs": [_metadata(spec) for spec in manifest.inputs],
        "outputs": [_metadata(spec) for spec in manifest.outputs],
    }


def describe_config(name: str, manifest: Manifest, *, batch_max_size: int) -> dict[str, Any]:
    """What load generators ask for of Triton's model configuration. With batching, dims lack the batch axis."""
    batched = batch_max_size > 1
    config = {
        "name": name,
        "platform": _PLATFORM,
        "backend": "onnxruntime",
        "max_batch_size": batch_max_size if batched else 0,
        "input": [_config(spec, batched) for spec in manifest.inputs],
        "output": [_config(spec, batched) for spec in manifest.outputs],
    }
    return {**config, "dynamic_batching": {}} if batched else config


def describe_statistics(name: str, statistics: Statistics | None) -> dict[str, Any]:
    """The statistics extension's answer; nothing before the model is loaded."""
    models = [] if statistics is None else [{"name": name, "version": VERSION, **statistics.describe()}]
    return {"model_stats": models}


def describe_index(name: str, *, ready: bool, only_ready: bool) -> list[dict[str, str]]:
    """The repository extension's list of models: the one that this server is for."""
    if not name or (only_ready and not ready):
        return []
    return [{"name": name, "version": VERSION, "state": "READY" if ready else "UNAVAILABLE", "reason": ""}]


def is_joinable(manifest: Manifest) -> bool:
    """Requests may share a run: every input and output leads with one and the same dynamic axis."""
    return batch_axis(manifest.inputs, manifest.outputs) is not None


def _metadata(spec: TensorSpec) -> dict[str, Any]:
    return {"name": spec.name, "datatype": DATATYPES[spec.dtype].name, "shape": _sizes(spec.shape)}


def _config(spec: TensorSpec, batched: bool) -> dict[str, Any]:
    dims = _sizes(spec.shape[1:] if batched else spec.shape)
    datatype = DATATYPES[spec.dtype]
    return {
        "name": spec.name,
        "data_type": "TYPE_STRING" if datatype.is_text else f"TYPE_{datatype.name}",
        "dims": dims,
    }


def _sizes(shape: Sequence[int | str]) -> list[int]:
    return [-1 if isinstance(size, str) else size for size in shape]
