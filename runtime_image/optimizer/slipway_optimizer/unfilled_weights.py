"""Build a module without filling its large weights, which a checkpoint is about to replace.

A page that nobody has written takes no memory, and random numbers for gigabytes of weights take long.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import torch
from torch.overrides import TorchFunctionMode

# Numbers in a weight below which filling is cheap, and code that computes with what it has just drawn may go on so.
LARGE: Final = 1 << 16
# By name, because libraries put functions of their own in the place of `torch.nn.init`'s.
FILLS: Final = frozenset(name for name in dir(torch.nn.init) if name.endswith("_") and not name.startswith("_")) | {
    "fill_",
    "zero_",
}


class UnfilledWeights(TorchFunctionMode):
    """While it lasts, large parameters keep whatever their memory holds."""

    def __init__(self) -> None:
        super().__init__()
        # Kept alive, so that no other tensor gets the memory of one.
        self._weights: dict[int, torch.Tensor] = {}

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        del types
        given = dict(kwargs or {})
        target = args[0] if args else given.get("tensor")
        if isinstance(target, torch.nn.Parameter) and target.numel() >= LARGE and not target.is_meta:
            # Some initializers fill `weight.data`, which is no parameter any more.
            self._weights[target.data_ptr()] = target
        name = getattr(func, "__name__", "")
        if name in FILLS and isinstance(target, torch.Tensor) and target.data_ptr() in self._weights:
            return target
        return func(*args, **given)
