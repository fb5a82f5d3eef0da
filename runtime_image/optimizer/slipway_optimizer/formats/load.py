"""One loader a format."""

from pathlib import Path

from slipway_optimizer.factory import build_module
from slipway_optimizer.formats.exported_program import load_program
from slipway_optimizer.formats.loaded import LoadedModel
from slipway_optimizer.formats.onnx_file import OnnxFile
from slipway_optimizer.formats.safe_tensors import read_safe_tensors
from slipway_optimizer.formats.state_dict import read_state_dict
from slipway_optimizer.formats.torch_module import TorchModel
from slipway_optimizer.formats.weights import load_weights
from slipway_optimizer.spec import ModelSpec
from slipway_optimizer.unfilled_weights import UnfilledWeights

WEIGHT_READERS = {"StateDict": read_state_dict, "SafeTensors": read_safe_tensors}


def load_model(model: ModelSpec, path: Path, code: Path | None) -> LoadedModel:
    """The model that a verified source file and, for weights, a factory make.

    Args:
        model: the declared format, factory, inputs and outputs.
        path: the source file.
        code: folder with the factory's module, already safe to import from; None for installed packages.

    Raises:
        UserError: the file or the factory is not what the spec says.
    """
    if model.format == "ONNX":
        return OnnxFile(path, model)
    if model.format == "ExportedProgram":
        return load_program(path, model)
    tensors = WEIGHT_READERS[model.format](path)
    with UnfilledWeights():
        module = build_module(model, code)
    load_weights(module, tensors)
    return TorchModel(module, model)
