"""What a call leaves behind in a module: the buffers and attributes that are others after it."""

from collections.abc import Callable
from typing import Any

import torch
from torch.utils._pytree import tree_leaves


def changed_attributes(module: torch.nn.Module, call: Callable[[], object]) -> list[str]:
    """Names as in `Block.state`, by the class that keeps it."""
    before = _attributes(module)
    call()
    after = _attributes(module)
    return sorted({name for key, (name, value) in after.items() if key not in before or before[key][1] != value})


def _attributes(module: torch.nn.Module) -> dict[tuple[str, str], tuple[str, Any]]:
    found: dict[tuple[str, str], tuple[str, Any]] = {}
    for path, part in module.named_modules():
        own = {key: value for key, value in vars(part).items() if not key.startswith("_")}
        for key, value in {**own, **dict(part.named_buffers(recurse=False))}.items():
            found[path, key] = (f"{type(part).__name__}.{key}", [_snapshot(leaf) for leaf in tree_leaves(value)])
    return found


def _snapshot(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        dense = value.detach().to_dense() if value.layout != torch.strided else value.detach()
        # As bytes, because NumPy has not every dtype, and NaN is no other value than NaN.
        return dense.resolve_conj().resolve_neg().reshape(-1).contiguous().view(torch.uint8).numpy().tobytes()
    return value if isinstance(value, int | float | str | bool | None) else id(value)
