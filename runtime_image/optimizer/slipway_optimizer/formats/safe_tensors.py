"""SafeTensors: named tensors in files that cannot hold code, one or the shards of a folder."""

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from slipway_optimizer import reasons
from slipway_optimizer.errors import UserError, first_line
from slipway_optimizer.formats.shards import shard_files


def read_safe_tensors(path: Path) -> dict[str, torch.Tensor]:
    """Read a .safetensors file, memory-mapped, or all those of a folder.

    Raises:
        UserError: a file is damaged, or of another format.
    """
    if not path.is_dir():
        return _read_file(path)
    tensors: dict[str, torch.Tensor] = {}
    for file in shard_files(path):
        more = _read_file(file)
        twice = next((name for name in more if name in tensors), None)
        if twice is not None:
            message = (
                f"The folder holds the weight {twice[:128]} twice, the second time in {file.name}: name the file of "
                "the model, or leave one of them there."
            )
            raise UserError(reasons.CHECKPOINT_INVALID, message)
        tensors |= more
    return tensors


def _read_file(path: Path) -> dict[str, torch.Tensor]:
    try:
        return load_file(path)
    except (SafetensorError, ValueError, OSError, OverflowError, RecursionError) as error:
        message = f"The file is no whole .safetensors file ({first_line(error)}): upload it again."
        raise UserError(reasons.CHECKPOINT_INVALID, message) from error
