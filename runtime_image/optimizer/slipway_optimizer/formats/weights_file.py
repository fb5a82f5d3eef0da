"""The weights of a checkpoint, whatever their format, and into a module with them."""

from pathlib import Path

import torch

from slipway_optimizer import reasons
from slipway_optimizer.errors import UserError
from slipway_optimizer.formats.detect import SAID, detect_format, pickle_facts
from slipway_optimizer.formats.key_names import without_prefix
from slipway_optimizer.formats.nested import SAVE_STATE_DICT, Found, find_weights, no_weights, some, weights_at
from slipway_optimizer.formats.safe_tensors import read_safe_tensors
from slipway_optimizer.formats.state_dict import read_checkpoint, unsafe_pickle
from slipway_optimizer.formats.weights import load_first_fit
from slipway_optimizer.spec import WEIGHTS_ONLY, Format, Weights


def fill_module(
    module: torch.nn.Module, path: Path, file_format: Format | None = None, where: Weights | None = None
) -> None:
    """Load a checkpoint's weights into the module that they belong to.

    Args:
        module: what the factory built.
        path: the file, or the folder of its shards.
        file_format: StateDict or SafeTensors; None to find out.
        where: the key that leads to the weights, and what their names begin with; None to find out.

    Raises:
        UserError: the file is damaged or holds code, or its weights do not fit.
    """
    found = find_in_file(path, file_format or weights_format(path), where.key if where else None)
    load_first_fit(module, found, where.prefix if where else None)


def weights_format(path: Path) -> Format:
    """Whether a file holds a StateDict or SafeTensors.

    Raises:
        UserError: neither; says what it is.
    """
    found = detect_format(path)
    if found == "PickledModule":
        raise unsafe_pickle(pickle_facts(path).foreign or "")
    if found not in WEIGHTS_ONLY and not path.is_dir():
        message = f"The file is {SAID[found]}, and weights are looked for: {SAVE_STATE_DICT}."
        raise UserError(reasons.FORMAT_MISMATCH, message)
    return "SafeTensors" if path.is_dir() else found


def find_in_file(path: Path, file_format: Format, key: str | None = None) -> list[Found]:
    """What a checkpoint holds that can be a model's weights, the likelier first."""
    if file_format == "SafeTensors":
        return _find_in_safe_tensors(path, key)
    content = read_checkpoint(path)
    return find_weights(content) if key is None else [Found(key, weights_at(content, key))]


def _find_in_safe_tensors(path: Path, key: str | None) -> list[Found]:
    tensors = read_safe_tensors(path)
    if key is None:
        return [Found("", tensors)]
    # Its names are flat: what a state dict nests is a part of the name here.
    below = without_prefix(tensors, f"{key}.")
    if not below:
        raise no_weights(f"no name begins with {key}.; they are {some(tensors)}")
    return [Found(key, below)]
