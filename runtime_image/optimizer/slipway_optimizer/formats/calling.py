"""How a forward takes the declared inputs: by name, in order, or gathered in a dict, a tuple or a list."""

import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch

Arguments = tuple[tuple[Any, ...], dict[str, Any]]
Convention = Callable[[Sequence[torch.Tensor]], Arguments]


def conventions(forward: Callable[..., Any], names: Sequence[str]) -> list[Convention]:
    """Every way to call a forward that its signature allows, the usual ones first; only a call says which is right.

    Args:
        forward: the model's.
        names: of the declared inputs, in order.
    """
    signature = inspect.signature(forward)
    # Only the shape of the call matters here, so anything may stand for a tensor.
    stand_ins: list[Any] = list(names)
    possible = [convention for convention in _all(signature, names) if _binds(signature, convention(stand_ins))]
    return possible or [_in_order]


def _all(signature: inspect.Signature, names: Sequence[str]) -> Iterator[Convention]:
    if all(name in signature.parameters for name in names):
        yield lambda tensors: ((), dict(zip(names, tensors, strict=True)))
    yield _in_order
    yield lambda tensors: ((dict(zip(names, tensors, strict=True)),), {})
    yield lambda tensors: ((tuple(tensors),), {})
    yield lambda tensors: ((list(tensors),), {})
    # Such as `forward(x, (hidden, cell))`.
    for start, end in _spans(len(names)):
        yield _gathered(start, end)


def _in_order(tensors: Sequence[torch.Tensor]) -> Arguments:
    return tuple(tensors), {}


def _spans(count: int) -> Iterator[tuple[int, int]]:
    """Every group of neighbours but all of them, those at the end first."""
    for end in range(count, 1, -1):
        for start in range(end - 1):
            if (start, end) != (0, count):
                yield start, end


def _gathered(start: int, end: int) -> Convention:
    return lambda tensors: ((*tensors[:start], tuple(tensors[start:end]), *tensors[end:]), {})


def _binds(signature: inspect.Signature, arguments: Arguments) -> bool:
    try:
        signature.bind(*arguments[0], **arguments[1])
    except TypeError:
        return False
    return True
