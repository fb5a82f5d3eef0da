"""Real small artifacts: an ONNX model, its golden request as ONNX Runtime answers it, and a manifest over both."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from slipway_contract.digest import sha256_of_bytes, sha256_of_file
from slipway_contract.manifest import (
    MANIFEST_FILE,
    MODEL_FILE,
    Candidate,
    FileEntry,
    Golden,
    GoldenTensor,
    Hardware,
    Manifest,
    Reference,
    TensorDType,
    TensorSpec,
)
from slipway_serving.datatypes import DATATYPES, bfloat16_to_float32
from slipway_serving.session import Session

OPSET = 21
IR_VERSION = 10
ZERO_DIGEST = "sha256:" + "0" * 64

Array = np.ndarray[Any, Any]

_DTYPES: dict[int, str] = {
    TensorProto.BOOL: "bool",
    TensorProto.INT8: "int8",
    TensorProto.UINT8: "uint8",
    TensorProto.INT16: "int16",
    TensorProto.INT32: "int32",
    TensorProto.INT64: "int64",
    TensorProto.FLOAT16: "float16",
    TensorProto.FLOAT: "float32",
    TensorProto.DOUBLE: "float64",
    TensorProto.UINT16: "uint16",
    TensorProto.UINT32: "uint32",
    TensorProto.UINT64: "uint64",
    TensorProto.BFLOAT16: "bfloat16",
    TensorProto.STRING: "string",
}


def build_model(
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[onnx.ValueInfoProto],
    initializers: Sequence[onnx.TensorProto] = (),
) -> onnx.ModelProto:
    graph = helper.make_graph(list(nodes), "graph", list(inputs), list(outputs), list(initializers))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    onnx.checker.check_model(model)
    return model


def tensor(name: str, elem_type: int, shape: Sequence[int | str]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, elem_type, list(shape))


def build_mlp(width: int = 64, classes: int = 10, *, seed: int = 0) -> onnx.ModelProto:
    """x[batch, width] -> Gemm, Relu, Gemm -> logits[batch, classes]."""
    random = np.random.default_rng(seed)
    weights = {
        "w1": random.normal(size=(width, width)).astype(np.float32) / width**0.5,
        "b1": random.normal(size=width).astype(np.float32),
        "w2": random.normal(size=(width, classes)).astype(np.float32) / width**0.5,
        "b2": random.normal(size=classes).astype(np.float32),
    }
    return build_model(
        [
            helper.make_node("Gemm", ["x", "w1", "b1"], ["h"]),
            helper.make_node("Relu", ["h"], ["r"]),
            helper.make_node("Gemm", ["r", "w2", "b2"], ["logits"]),
        ],
        [tensor("x", TensorProto.FLOAT, ["batch", width])],
        [tensor("logits", TensorProto.FLOAT, ["batch", classes])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )


def build_identity(dtypes: dict[str, str], rank: int = 2) -> onnx.ModelProto:
    """For each name an input `NAME` of dynamic axes of its own, and an output `NAME_out` with the same values."""
    types = {dtype: elem_type for elem_type, dtype in _DTYPES.items()}
    shapes = {name: [f"{name}_{axis}" for axis in range(rank)] for name in dtypes}
    return build_model(
        [helper.make_node("Identity", [name], [f"{name}_out"]) for name in dtypes],
        [tensor(name, types[dtype], shapes[name]) for name, dtype in dtypes.items()],
        [tensor(f"{name}_out", types[dtype], shapes[name]) for name, dtype in dtypes.items()],
    )


def build_slow(width: int = 64, repeats: int = 200_000) -> onnx.ModelProto:
    """x[batch, width] -> x + repeats, by a loop in the graph: a run that takes about as long as `repeats` asks for."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["going"], ["still_going"]),
            helper.make_node("Add", ["value", "one"], ["next"]),
        ],
        "body",
        [
            tensor("iteration", TensorProto.INT64, []),
            tensor("going", TensorProto.BOOL, []),
            tensor("value", TensorProto.FLOAT, ["batch", width]),
        ],
        [tensor("still_going", TensorProto.BOOL, []), tensor("next", TensorProto.FLOAT, ["batch", width])],
        [numpy_helper.from_array(np.array(1, dtype=np.float32), "one")],
    )
    return build_model(
        [helper.make_node("Loop", ["repeats", "start", "x"], ["y"], body=body)],
        [tensor("x", TensorProto.FLOAT, ["batch", width])],
        [tensor("y", TensorProto.FLOAT, ["batch", width])],
        [
            numpy_helper.from_array(np.array(repeats, dtype=np.int64), "repeats"),
            numpy_helper.from_array(np.array(True), "start"),
        ],
    )


def write_artifact(
    folder: Path,
    model: onnx.ModelProto,
    *,
    name: str = "mlp",
    golden_inputs: dict[str, Array] | None = None,
    tolerance: tuple[float, float] = (1e-5, 1e-5),
    extra_files: dict[str, bytes] | None = None,
) -> Manifest:
    """Write `model.onnx`, extra files and `manifest.json`; the golden answer is ONNX Runtime's own.

    `tolerance` is (atol, rtol).
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MODEL_FILE).write_bytes(model.SerializeToString())
    for path, content in (extra_files or {}).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    size = (folder / MODEL_FILE).stat().st_size
    inputs = [_spec(value) for value in model.graph.input]
    feeds = golden_inputs or {spec.name: sample(spec) for spec in inputs}
    manifest = Manifest(
        model=name,
        recipe_digest=ZERO_DIGEST,
        source_digest=ZERO_DIGEST,
        variant="FP32",
        opset=OPSET,
        inputs=inputs,
        outputs=[_spec(value) for value in model.graph.output],
        files=[_entry(folder, path) for path in [MODEL_FILE, *(extra_files or {})]],
        reference=Reference(framework="ONNX", size_bytes=size),
        candidates=[Candidate(variant="FP32", size_bytes=size, chosen=True, reason="The only one.")],
        golden=_golden(folder / MODEL_FILE, feeds, tolerance),
        hardware=Hardware(hardware_class="cpu", cpu="any", threads=1),
        tools={"onnx": onnx.__version__, "onnxruntime": onnxruntime.__version__},
    )
    write_manifest(folder, manifest)
    return manifest


def write_manifest(folder: Path, manifest: Manifest) -> str:
    """Write `manifest.json` and return its digest: the artifact's."""
    raw = manifest.to_bytes()
    (folder / MANIFEST_FILE).write_bytes(raw)
    return sha256_of_bytes(raw)


def sample(spec: TensorSpec, *, rows: int = 2, seed: int = 0) -> Array:
    """Values for an input; every dynamic axis gets `rows`."""
    shape = [rows if isinstance(size, str) else size for size in spec.shape]
    values = np.random.default_rng(seed).normal(size=shape) * 4
    if spec.dtype == "string":
        values = np.array(values, dtype=str)
    elif spec.dtype == "bool":
        values = values > 0
    elif spec.dtype.startswith("u") or spec.dtype == "bfloat16":
        values = np.abs(values)
    return np.array(values, dtype=DATATYPES[spec.dtype].held)


def _spec(value: onnx.ValueInfoProto) -> TensorSpec:
    kind = value.type.tensor_type
    return TensorSpec.model_validate(
        {
            "name": value.name,
            "dtype": _DTYPES[kind.elem_type],
            "shape": [axis.dim_param or axis.dim_value for axis in kind.shape.dim],
        }
    )


def _entry(folder: Path, path: str) -> FileEntry:
    return FileEntry(path=path, sha256=sha256_of_file(folder / path), size_bytes=(folder / path).stat().st_size)


def _golden(model_path: Path, feeds: dict[str, Array], tolerance: tuple[float, float]) -> Golden:
    outputs = Session(model_path, intra_op_threads=1, providers=["CPUExecutionProvider"]).run(feeds)
    model = onnx.load(model_path, load_external_data=False)
    dtypes = {value.name: _spec(value).dtype for value in (*model.graph.input, *model.graph.output)}
    return Golden(
        inputs=[_golden_tensor(name, value, dtypes[name]) for name, value in feeds.items()],
        outputs=[_golden_tensor(name, value, dtypes[name]) for name, value in outputs.items()],
        atol=tolerance[0],
        rtol=tolerance[1],
    )


def _golden_tensor(name: str, value: Array, dtype: TensorDType) -> GoldenTensor:
    values = bfloat16_to_float32(value) if dtype == "bfloat16" else value
    return GoldenTensor(name=name, dtype=dtype, shape=list(value.shape), data=values.reshape(-1).tolist())
