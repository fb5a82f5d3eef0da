"""Weights into a module: every tensor has its place, every place its tensor, and all shapes agree."""

from collections.abc import Iterable, Mapping, Sequence

import torch

from slipway_optimizer import reasons
from slipway_optimizer.errors import UserError
from slipway_optimizer.formats.key_names import is_surplus_of_training, prefixes_of, unwrapped, without_prefix
from slipway_optimizer.formats.nested import Found, Tensors
from slipway_optimizer.formats.put_weights import put_weights

LISTED = 5


def load_weights(module: torch.nn.Module, tensors: Mapping[str, torch.Tensor]) -> None:
    """Load a state dict into the module that the factory built.

    Raises:
        UserError: lists tensors that are missing, left over or of another shape.
    """
    load_first_fit(module, [Found("", dict(tensors))])


def load_first_fit(module: torch.nn.Module, found: Sequence[Found], prefix: str | None = None) -> None:
    """Load the weights, of those that a checkpoint holds, that fit the module.

    Args:
        module: what the factory built.
        found: the likelier ones first; at least one.
        prefix: what the names begin with that are the model's; None to find out.

    Raises:
        UserError: lists what is missing, left over or of another shape in the first ones; or several fit.
    """
    own = module.state_dict()
    fitting = {item.key: tensors for item in found if (tensors := _fitted(own, item.tensors, prefix)) is not None}
    if not fitting:
        raise _mismatch(own, _likeliest(own, found) if prefix is None else found[0].tensors, prefix)
    if len(fitting) > 1:
        keys = " and ".join(key or "the top level" for key in fitting)
        message = (
            f"The checkpoint holds weights that fit the model at {keys}: set spec.model.weights.key to one of them."
        )
        raise UserError(reasons.CHECKPOINT_MISMATCH, message)
    tensors = next(iter(fitting.values()))
    _refuse_untied(own, tensors)
    put_weights(module, tensors)


def _likeliest(own: Tensors, found: Sequence[Found]) -> Tensors:
    """Of what does not fit, by whatever names, what shares the most with the module, or is the largest."""
    choices = [renamed for item in found for renamed in unwrapped(item.tensors)]
    return max(choices, key=lambda tensors: (len(own.keys() & tensors.keys()), len(tensors)))


def _fitted(own: Tensors, tensors: Tensors, prefix: str | None) -> Tensors | None:
    """The weights by the module's own names, or None if they do not fit it."""
    choices = unwrapped(tensors) if prefix is None else iter([without_prefix(tensors, prefix)])
    fits = next((renamed for renamed in choices if not _differences(own, renamed)), None)
    return None if fits is None else {name: tensor for name, tensor in fits.items() if name in own}


def _differences(own: Tensors, tensors: Tensors) -> list[str]:
    """What does not fit, in words."""
    wrong = [
        f"{name} is {list(tensors[name].shape)} in the checkpoint and {list(own[name].shape)} in the model"
        for name in own
        if name in tensors and own[name].shape != tensors[name].shape
    ]
    if wrong:
        return [f"shapes differ: {_some(wrong, '; ')}"]
    lossy = [
        f"{name} is {_kind(tensors[name])} in the checkpoint and {_kind(own[name])} in the model"
        for name in own
        if name in tensors and not is_surplus_of_training(name) and not _holds(own[name], tensors[name])
    ]
    if lossy:
        return [f"kinds of numbers differ: {_some(lossy, '; ')}"]
    present = {_storage(own[name]) for name in own if name in tensors}
    # Tied tensors are stored once, and old checkpoints have no counts of batches, which no forward reads.
    missing = [
        name
        for name in own
        if name not in tensors and _storage(own[name]) not in present and not name.endswith("num_batches_tracked")
    ]
    surplus = [name for name in tensors if name not in own and not is_surplus_of_training(name)]
    parts = [f"the model also needs {_some(missing)}"] if missing else []
    return parts + ([f"the checkpoint also has {_some(surplus)}"] if surplus else [])


def _storage(tensor: torch.Tensor) -> object:
    return (tensor.layout == torch.strided and tensor.data_ptr()) or id(tensor)


def _holds(own: torch.Tensor, given: torch.Tensor) -> bool:
    """Whether a tensor of the model can take a tensor's numbers: none loses its imaginary part, fraction or scale."""
    plain = own.layout == given.layout and own.is_quantized == given.is_quantized
    return plain and torch.can_cast(given.dtype, own.dtype)


def _are_same(first: torch.Tensor, second: torch.Tensor, dtype: torch.dtype) -> bool:
    first, second = first.to(dtype), second.to(dtype)
    return torch.equal(first, second) or bool(torch.isclose(first, second, 0, 0, equal_nan=True).all())


def _kind(tensor: torch.Tensor) -> str:
    layout = "" if tensor.layout == torch.strided else f"{tensor.layout} ".removeprefix("torch.")
    return f"{layout}{tensor.dtype}".replace("torch.", "")


def _refuse_untied(own: Tensors, tensors: Tensors) -> None:
    """The model has one tensor by several names, for which the checkpoint has different numbers."""
    first: dict[object, str] = {}
    for name, tensor in tensors.items():
        other = first.setdefault((_storage(own[name]), own[name].shape, own[name].stride()), name)
        if other != name and not _are_same(tensors[other], tensor, own[name].dtype):
            message = (
                f"The model ties {other[:128]} and {name[:128]}, which differ in the checkpoint: do not tie them in "
                "the factory."
            )
            raise UserError(reasons.CHECKPOINT_MISMATCH, message)


def _some(names: Iterable[str], separator: str = ", ") -> str:
    listed = [name[:128] for name in names]
    more = f"{separator}and {len(listed) - LISTED} more" if len(listed) > LISTED else ""
    return separator.join(listed[:LISTED]) + more


def _mismatch(own: Tensors, tensors: Tensors, prefix: str | None) -> UserError:
    taken = tensors if prefix is None else without_prefix(tensors, prefix)
    detail = "; ".join(_differences(own, taken))
    if prefix is not None and not taken:
        detail = f"no name begins with weights.prefix {prefix}; they are {_some(tensors)}"
    message = (
        f"The checkpoint does not fit the model that the factory builds: {detail}. {_advice(own, tensors, prefix)}"
    )
    return UserError(reasons.CHECKPOINT_MISMATCH, message)


def _advice(own: Tensors, tensors: Tensors, prefix: str | None) -> str:
    if prefix is None:
        for part in prefixes_of(tensors):
            if not _differences(own, without_prefix(tensors, part)):
                return f"The weights under {part} alone fit: set spec.model.weights.prefix to {part}"
    return "Correct factory or its arguments."
