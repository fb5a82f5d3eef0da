"""Weights into a module: every tensor has its place, every place its tensor, and all shapes agree."""

from collections.abc import Iterable

import torch

from slipway_optimizer import reasons
from slipway_optimizer.errors import UserError
from slipway_optimizer.formats.put_weights import put_weights

LISTED = 5


def load_weights(module: torch.nn.Module, tensors: dict[str, torch.Tensor]) -> None:
    """Load a state dict into the module that the factory built.

    Raises:
        UserError: lists tensors that are missing, left over or of another shape.
    """
    own = module.state_dict()
    wrong = [
        f"{name} is {list(tensors[name].shape)} in the checkpoint and {list(own[name].shape)} in the model"
        for name in own
        if name in tensors and own[name].shape != tensors[name].shape
    ]
    if wrong:
        raise _mismatch(f"shapes differ: {_some(wrong, '; ')}")
    present = {_storage(own[name]) for name in own if name in tensors}
    # Tied tensors are stored once.
    missing = [name for name in own if name not in tensors and _storage(own[name]) not in present]
    surplus = [name for name in tensors if name not in own]
    if missing or surplus:
        parts = [f"the model also needs {_some(missing)}"] if missing else []
        parts += [f"the checkpoint also has {_some(surplus)}"] if surplus else []
        raise _mismatch("; ".join(parts))
    put_weights(module, tensors)


def _storage(tensor: torch.Tensor) -> object:
    return tensor.data_ptr() or id(tensor)


def _some(names: Iterable[str], separator: str = ", ") -> str:
    listed = list(names)
    more = f"{separator}and {len(listed) - LISTED} more" if len(listed) > LISTED else ""
    return separator.join(listed[:LISTED]) + more


def _mismatch(detail: str) -> UserError:
    message = (
        f"The checkpoint does not fit the model that the factory builds: {detail}. Correct factory or its arguments."
    )
    return UserError(reasons.CHECKPOINT_MISMATCH, message)
