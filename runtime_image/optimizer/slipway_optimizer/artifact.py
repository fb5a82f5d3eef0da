"""The artifact's folder: the chosen model and the manifest that says what it is."""

import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import onnx

from slipway_contract.digest import sha256_of_file
from slipway_contract.manifest import MANIFEST_FILE, REPORT_FILE, Candidate, FileEntry, Manifest, TensorSpec
from slipway_contract.result import Measurement, ServingDefaults, Succeeded
from slipway_optimizer.errors import shortened
from slipway_optimizer.spec import Input
from slipway_optimizer.stores import Stored
from slipway_optimizer.verify import dtype_name

MB: Final = 1_000_000
TOOLS: Final = ("torch", "onnx", "onnxscript", "onnxruntime", "numpy")


def list_files(folder: Path) -> list[FileEntry]:
    """Every file of an artifact, with its digest."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return [
        FileEntry(path=path.relative_to(folder).as_posix(), sha256=sha256_of_file(path), size_bytes=path.stat().st_size)
        for path in paths
    ]


def describe_tensors(model: Path, inputs: Sequence[Input]) -> dict[str, Any]:
    """Inputs with declared shapes and the graph's dtypes, outputs as the graph has them, and the opset."""
    proto = onnx.load(str(model), load_external_data=False)
    opset = next(entry.version for entry in proto.opset_import if entry.domain in {"", "ai.onnx"})
    return {
        "inputs": [_as_served(item, proto.graph) for item in inputs],
        "outputs": [_tensor_spec(value) for value in proto.graph.output],
        "opset": opset,
    }


def _as_served(declared: Input, graph: onnx.GraphProto) -> TensorSpec:
    """FP16 without keepIO takes float16 where float32 is declared."""
    value = next(value for value in graph.input if value.name == declared.name)
    dtype = dtype_name(value.type.tensor_type.elem_type)
    return TensorSpec.model_validate({"name": declared.name, "dtype": dtype, "shape": list(declared.shape)})


def write_manifest(manifest: Manifest, folder: Path) -> None:
    """Put `manifest.json` beside the files that it lists."""
    (folder / MANIFEST_FILE).write_bytes(manifest.to_bytes())


def tool_versions() -> dict[str, str]:
    """What made the artifact."""
    return {"python": platform.python_version(), **{tool: version(tool) for tool in TOOLS}}


def summarize(stored: Stored, *, reused: bool) -> Succeeded:
    """The Job's result, from the manifest alone: the same whether the artifact is new or was there."""
    manifest = stored.manifest
    chosen, baseline, reference = manifest.chosen, manifest.baseline, manifest.reference
    return Succeeded(
        artifact_digest=stored.digest,
        recipe_digest=manifest.recipe_digest,
        source_digest=manifest.source_digest,
        code_digest=manifest.code_digest,
        variant=manifest.variant,
        derivation=manifest.derivation,
        size_bytes=chosen.size_bytes or sum(entry.size_bytes for entry in manifest.files),
        reference_latency_us=reference.latency.p50_us if reference.latency else None,
        reference_size_bytes=reference.size_bytes,
        baseline=_as_exported(baseline),
        measured=_measurement(chosen),
        speedup=chosen.speedup,
        speedup_low=chosen.speedup_low,
        speedup_high=chosen.speedup_high,
        drop=chosen.drop,
        max_abs_diff=chosen.max_abs_diff,
        reason=shortened(chosen.reason),
        summary=summary_of(manifest),
        serving=_serving(manifest),
        exporter=manifest.exporter.name if manifest.exporter else None,
        report=next((file.stored_as for file in manifest.files if file.path == REPORT_FILE), None),
        reused=reused,
    )


def summary_of(manifest: Manifest) -> str:
    """What is served, in one line: variant, speed-up, drop, size."""
    chosen, baseline = manifest.chosen, manifest.baseline
    size = f"{(chosen.size_bytes or 0) / MB:.1f} MB"
    if chosen is baseline and not _before_rewriting(chosen):
        return f"{chosen.name} as exported, {size}"
    facts = [f"{chosen.name} with a rewritten graph" if chosen is baseline else chosen.name]
    if chosen.speedup is not None:
        facts.append(f"{chosen.speedup:.2f} times as fast")
    if chosen.drop is not None and manifest.budget and manifest.budget.metric:
        facts.append(f"{manifest.budget.metric} drop {chosen.drop:.4f}")
    exported_bytes = _as_exported(baseline).size_bytes
    share = f" ({(chosen.size_bytes or 0) / exported_bytes:.0%})" if exported_bytes else ""
    return ", ".join([*facts, size + share])


def _serving(manifest: Manifest) -> ServingDefaults | None:
    serving = manifest.serving
    if serving is None:
        return None
    return ServingDefaults(batch_max_size=serving.batch_max_size, in_flight=serving.in_flight)


def _measurement(candidate: Candidate) -> Measurement:
    return Measurement(
        variant=candidate.variant,
        derivation=candidate.derivation,
        size_bytes=candidate.size_bytes or 0,
        latency_us=candidate.latency.p50_us if candidate.latency else None,
        score=candidate.score,
    )


def _as_exported(baseline: Candidate) -> Measurement:
    """The plain export before its graph was rewritten, where it is served in that form."""
    known = _before_rewriting(baseline)
    fields = {"size_bytes": "sizeBytes", "latency_us": "latencyUs", "score": "score"}
    before = {field: known[name] for field, name in fields.items() if name in known}
    return _measurement(baseline).model_copy(update=before)


def _before_rewriting(candidate: Candidate) -> Mapping[str, Any]:
    """What was measured of a candidate whose graph was rewritten since; empty where it was not."""
    known: Mapping[str, Any] = candidate.details.get("graph", {}).get("asExported", {})
    return known


def _tensor_spec(value: onnx.ValueInfoProto) -> TensorSpec:
    tensor = value.type.tensor_type
    shape = [_size(value.name, index, dimension) for index, dimension in enumerate(tensor.shape.dim)]
    return TensorSpec.model_validate({"name": value.name, "dtype": dtype_name(tensor.elem_type), "shape": shape})


def _size(name: str, index: int, dimension: Any) -> int | str:
    if dimension.HasField("dim_value"):
        return int(dimension.dim_value)
    return str(dimension.dim_param) or f"{name}_{index}"
