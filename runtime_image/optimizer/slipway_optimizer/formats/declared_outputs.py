"""What a forward returns, as the declared outputs: tensors by name, or all of them in order."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch.utils._pytree import tree_leaves

from slipway_optimizer import reasons
from slipway_optimizer.errors import UserError


def declared_outputs(result: Any, names: Sequence[str]) -> tuple[torch.Tensor, ...]:
    """By name from a mapping, a named tuple or a dataclass that has them all, else every tensor in order.

    Raises:
        UserError: the numbers differ, or something is no tensor.
    """
    fields = _fields(result)
    if fields is not None:
        result = [fields[name] for name in names] if all(name in fields for name in names) else list(fields.values())
    leaves = [leaf for leaf in tree_leaves(result, is_leaf=_is_plain_dataclass) if leaf is not None]
    odd = next((leaf for leaf in leaves if not isinstance(leaf, torch.Tensor)), None)
    if odd is not None:
        message = (
            f"The model's forward returns a {type(odd).__name__}: it has to return tensors, in tuples, lists, dicts or "
            "dataclasses."
        )
        raise UserError(reasons.OUTPUT_MISMATCH, message)
    if len(leaves) != len(names):
        raise UserError(reasons.OUTPUT_MISMATCH, _other_number(leaves, names, fields))
    if any(leaf.is_complex() for leaf in leaves):
        message = (
            "The model's forward returns complex numbers, which ONNX has none of: return torch.view_as_real of them."
        )
        raise UserError(reasons.OUTPUT_MISMATCH, message)
    # NumPy and JSON have no bfloat16, and every one of its numbers is a float32.
    return tuple(leaf.float() if leaf.dtype == torch.bfloat16 else leaf for leaf in leaves)


def _fields(result: Any) -> dict[str, Any] | None:
    if isinstance(result, Mapping):
        return dict(result)
    if hasattr(result, "_asdict"):
        return dict(result._asdict())
    if _is_plain_dataclass(result):
        return {field.name: getattr(result, field.name) for field in dataclasses.fields(result)}
    return None


def _is_plain_dataclass(value: Any) -> bool:
    return dataclasses.is_dataclass(value) and not isinstance(value, type | Mapping)


def _other_number(leaves: Sequence[torch.Tensor], names: Sequence[str], fields: Mapping[str, Any] | None) -> str:
    shapes = ", ".join(str(list(leaf.shape)) for leaf in leaves)
    called = f" called {', '.join(map(str, fields))}" if fields else ""
    return (
        f"The spec declares the outputs {', '.join(names)}, the model returns {len(leaves)}{called} of shapes "
        f"{shapes}: name each of them in spec.model.outputs."
    )
