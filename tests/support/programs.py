"""Exported programs, made as a user would on another machine."""

import warnings
from pathlib import Path
from typing import Any

import torch


def save_program(module: torch.nn.Module, path: Path, *example: torch.Tensor, dynamic_shapes: Any = None) -> Path:
    """`torch.export.save(torch.export.export(…))`."""
    with warnings.catch_warnings():
        # On a machine without a GPU PyTorch warns that it found none.
        warnings.simplefilter("ignore")
        torch.export.save(torch.export.export(module.eval(), example, dynamic_shapes=dynamic_shapes), path)
    return path
