"""One loader a format; the format is what the bytes say."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from slipway_optimizer.factory import build_module
from slipway_optimizer.formats.detect import settle_format
from slipway_optimizer.formats.exported_program import load_program
from slipway_optimizer.formats.loaded import LoadedModel
from slipway_optimizer.formats.onnx_file import load_onnx
from slipway_optimizer.formats.pickled_module import load_pickled_module
from slipway_optimizer.formats.torch_module import TorchModel
from slipway_optimizer.formats.torch_script import load_torch_script
from slipway_optimizer.formats.weights_file import fill_module
from slipway_optimizer.spec import Format, ModelSpec
from slipway_optimizer.unfilled_weights import UnfilledWeights


def _load_transformers(path: Path, model: ModelSpec) -> LoadedModel:
    # It takes seconds to import, and other formats do not need it.
    from slipway_optimizer.formats.transformers_folder import load_transformers  # noqa: PLC0415

    return load_transformers(path, model)


WHOLE: Final[dict[Format, Callable[[Path, ModelSpec], LoadedModel]]] = {
    "ONNX": load_onnx,
    "ExportedProgram": load_program,
    "TorchScript": load_torch_script,
    "Transformers": _load_transformers,
}


def load_model(model: ModelSpec, path: Path, code: Path | None) -> LoadedModel:
    """The model that a verified source and, for weights, a factory make.

    Args:
        model: the declared factory, inputs and outputs, and the format, if the spec says it.
        path: the source's file or folder.
        code: folder with the factory's module, already safe to import from; None for installed packages.

    Raises:
        UserError: the source or the factory is not what the spec says.
    """
    found = settle_format(model, path)
    if found in WHOLE:
        return WHOLE[found](path, model)
    if found == "PickledModule":
        return TorchModel(load_pickled_module(path, model, code), model)
    with UnfilledWeights():
        module = build_module(model, code)
    fill_module(module, path, found, model.weights)
    return TorchModel(module, model)
