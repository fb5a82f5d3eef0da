"""SafeTensors: named tensors in a file that cannot hold code."""

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from slipway_optimizer import reasons
from slipway_optimizer.errors import UserError, first_line


def read_safe_tensors(path: Path) -> dict[str, torch.Tensor]:
    """Read a .safetensors file, memory-mapped.

    Raises:
        UserError: the file is damaged, or of another format.
    """
    try:
        return load_file(path)
    except SafetensorError as error:
        message = f"The file is no .safetensors file ({first_line(error)}): correct format, or upload the whole file."
        raise UserError(reasons.CHECKPOINT_INVALID, message) from error
