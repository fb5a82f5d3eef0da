"""The only file that imports onnxruntime: a model's session, and what it says about itself."""

import ctypes
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from slipway_contract.manifest import Manifest
from slipway_contract.providers import CPU, Provider, providers_for
from slipway_serving.cpus import count_available_cpus
from slipway_serving.errors import InferenceFailedError, InvalidRequestError, StartupError

Arrays = dict[str, np.ndarray[Any, Any]]

_ONNX_BFLOAT16 = 16

_ORT_ERRORS = (
    ort_errors.Fail,
    ort_errors.EPFail,
    ort_errors.EngineError,
    ort_errors.InvalidArgument,
    ort_errors.InvalidGraph,
    ort_errors.InvalidProtobuf,
    ort_errors.NoModel,
    ort_errors.NoSuchFile,
    ort_errors.NotImplemented,
    ort_errors.RuntimeException,
    RuntimeError,
)

_LARGE_BYTES = 8 << 20


class Session:
    """One loaded model. Runs may overlap; all share its threads."""

    def __init__(self, model_path: Path, *, intra_op_threads: int, providers: Sequence[Provider]) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = intra_op_threads or count_available_cpus()
        options.inter_op_num_threads = 1
        # Threads that spin take the CPU from the neighbours on a shared node, and from the quota that they wait for.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = onnxruntime.InferenceSession(
                str(model_path), sess_options=options, providers=list(providers)
            )
        except _ORT_ERRORS as error:
            raise StartupError(f"ONNX Runtime cannot load {model_path.name}: {_sentence(error)}") from error
        ends = (*self._session.get_inputs(), *self._session.get_outputs())
        self._bfloat16 = {value.name for value in ends if value.type == "tensor(bfloat16)"}
        self._giving_back = onnxruntime.RunOptions()
        if self.runs_on_cpu:
            self._giving_back.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        self.output_names: list[str] = [output.name for output in self._session.get_outputs()]
        self.input_names: list[str] = [value.name for value in self._session.get_inputs()]

    @property
    def execution_provider(self) -> str:
        """The provider that ONNX Runtime really uses first, after whatever could not start was dropped."""
        return str(self._session.get_providers()[0])

    @property
    def runs_on_cpu(self) -> bool:
        return self.execution_provider == CPU

    def run(self, inputs: Mapping[str, np.ndarray[Any, Any]]) -> Arrays:
        """Run the model once; outputs by name. A bfloat16 comes and goes as its bits, in uint16.

        Raises:
            InvalidRequestError: a value that the graph itself refuses, such as an index out of range.
            InferenceFailedError: anything else that ONNX Runtime reports.
        """
        try:
            options = self._options_for(inputs)
            if self._bfloat16:
                outputs = self._run_values(inputs, options)
            else:
                outputs = self._session.run(self.output_names, inputs, options)
        except ort_errors.InvalidArgument as error:
            raise InvalidRequestError(f"the model refuses this input: {_sentence(error)}") from error
        except _ORT_ERRORS as error:
            raise InferenceFailedError(f"the model failed on this input: {_sentence(error)}") from error
        return dict(zip(self.output_names, outputs, strict=True))

    def _run_values(self, inputs: Mapping[str, np.ndarray[Any, Any]], options: Any) -> list[np.ndarray[Any, Any]]:
        # NumPy has no bfloat16, so ONNX Runtime's own conversions refuse it.
        feeds = {name: self._to_value(name, values) for name, values in inputs.items()}
        outputs = self._session.run_with_ort_values(self.output_names, feeds, options)
        return [
            _bits_of(value) if name in self._bfloat16 else value.numpy()
            for name, value in zip(self.output_names, outputs, strict=True)
        ]

    def _to_value(self, name: str, values: np.ndarray[Any, Any]) -> onnxruntime.OrtValue:
        if name in self._bfloat16:
            return onnxruntime.OrtValue.ortvalue_from_numpy_with_onnx_type(values, _ONNX_BFLOAT16)
        return onnxruntime.OrtValue.ortvalue_from_numpy(values)

    def _options_for(self, inputs: Mapping[str, np.ndarray[Any, Any]]) -> Any:
        """After a large run its memory is given back: one such request must not set what the process holds for good."""
        size = 0
        for array in inputs.values():
            size += array.nbytes
        return self._giving_back if size >= _LARGE_BYTES else None


def open_session(model_path: Path, manifest: Manifest, *, intra_op_threads: int) -> Session:
    """Load a model and check that it is the one that its manifest describes."""
    available = onnxruntime.get_available_providers()
    providers = providers_for(manifest.execution_provider, available, model_path.parent, manifest.engine_shapes)
    session = Session(model_path, intra_op_threads=intra_op_threads, providers=providers)
    _require_same("inputs", [spec.name for spec in manifest.inputs], session.input_names)
    _require_same("outputs", [spec.name for spec in manifest.outputs], session.output_names)
    return session


def _require_same(what: str, in_manifest: list[str], in_model: list[str]) -> None:
    if sorted(in_manifest) != sorted(in_model):
        raise StartupError(f"the manifest's {what} are {in_manifest}, but the model's are {in_model}")


def _bits_of(value: onnxruntime.OrtValue) -> np.ndarray[Any, Any]:
    """A copy of a bfloat16 tensor's bits; outputs that nobody bound to a device are in the host's memory."""
    shape = tuple(value.shape())
    bits = ctypes.string_at(value.data_ptr(), math.prod(shape) * 2)
    return np.frombuffer(bits, dtype=np.uint16).reshape(shape)


def _sentence(error: Exception) -> str:
    return " ".join(str(error).split())
