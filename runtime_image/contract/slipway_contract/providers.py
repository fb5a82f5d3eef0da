"""Execution providers: what the optimizer measured a model on is what serves it, with the same settings."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

CPU: Final = "CPUExecutionProvider"
CUDA: Final = "CUDAExecutionProvider"
TENSORRT: Final = "TensorrtExecutionProvider"

# Of an artifact: the engines that TensorRT built for this model and this product.
ENGINE_FOLDER: Final = "tensorrt"

Provider = tuple[str, dict[str, str]]


def providers_for(
    wanted: str | None, available: Sequence[str], folder: Path, engine_shapes: Mapping[str, str] | None = None
) -> list[Provider]:
    """Providers for a session, the first one preferred; ONNX Runtime drops what cannot start.

    Args:
        wanted: what the model was measured on; None for an artifact that does not say, which gets the fastest.
        available: what this build of ONNX Runtime has.
        folder: the artifact's folder.
        engine_shapes: smallest, usual and largest shapes of the inputs, as TensorRT's settings name them.
    """
    order = {None: (TENSORRT, CUDA, CPU), TENSORRT: (TENSORRT, CUDA, CPU), CUDA: (CUDA, CPU)}.get(wanted, (CPU,))
    settings = _engine_settings(folder, engine_shapes or {}) if wanted == TENSORRT else {}
    return [(name, settings if name == TENSORRT else {}) for name in order if name in available]


def _engine_settings(folder: Path, shapes: Mapping[str, str]) -> dict[str, str]:
    return {
        "trt_fp16_enable": "1",
        "trt_engine_cache_enable": "1",
        "trt_engine_cache_path": str(folder / ENGINE_FOLDER),
        **shapes,
    }
