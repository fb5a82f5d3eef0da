"""L1Unstructured: the smallest weights become zero, where they are."""

import re
from collections.abc import Sequence
from typing import Any, Final

import torch
from torch.nn.utils import prune as torch_prune

from slipway_optimizer.derive.problem import NotDerivableError
from slipway_optimizer.spec import Prune

DENSE: Final = (
    "Zeros alone make neither the file smaller nor dense kernels faster: they pay where something reads them, such as "
    "compression or a sparse kernel; method Structured removes channels instead."
)
LAYERS: Final = (torch.nn.Linear, torch.nn.modules.conv._ConvNd, torch.nn.RNNBase, torch.nn.MultiheadAttention)
MATRIX: Final = 2
# Of weight normalization, the directions and not the gains, which are `weight_g`.
MATRIX_NAME: Final = re.compile(r"(?!.*_g$).*weight")

Weight = tuple[torch.nn.Module, str]


def zero_weights(module: torch.nn.Module, wanted: Prune) -> list[Weight]:
    """Set weights of a module's layers to zero, in place. Training keeps them there: their gradients are zero, too.

    Raises:
        NotDerivableError: there is no such layer, or nothing or everything would be zero.
    """
    weights = find_weights(module)
    if not weights:
        raise NotDerivableError(
            "There is no convolution, linear or recurrent layer whose weights could be set to zero: remove prune."
        )
    before = _zeros(weights)
    _mask(weights, wanted)
    for layer, name in weights:
        # Not left to the mask's own hook: it runs when the layer is called, and some weights are used without that.
        kept = getattr(layer, f"{name}_mask")
        torch_prune.remove(layer, name)
        parameter = getattr(layer, name)
        if parameter.requires_grad:
            parameter.register_hook(kept.mul)
    field = "amount" if wanted.threshold is None else "threshold"
    if _zeros(weights) == before:
        raise NotDerivableError(f"No weight is among those that {field} names: raise it, or remove prune.")
    if not any(getattr(layer, name).any() for layer, name in weights):
        raise NotDerivableError(f"No weight would be left: lower {field}.")
    return weights


def _mask(weights: Sequence[Weight], wanted: Prune) -> None:
    if wanted.threshold is not None:
        for layer, name in weights:
            # w' = w if |w| > threshold else 0
            torch_prune.custom_from_mask(layer, name, getattr(layer, name).detach().abs() > wanted.threshold)
    elif wanted.scope == "PerLayer":
        for layer, name in weights:
            torch_prune.l1_unstructured(layer, name, amount=wanted.amount)
    else:
        torch_prune.global_unstructured(weights, pruning_method=torch_prune.L1Unstructured, amount=wanted.amount)


def _zeros(weights: Sequence[Weight]) -> int:
    return sum(int((getattr(layer, name) == 0).sum()) for layer, name in weights)


def find_weights(module: torch.nn.Module) -> list[Weight]:
    """The weight matrices of layers that compute with them, each once; not biases, norms, gains or lookup tables."""
    found = {
        id(parameter): (layer, name)
        for layer in module.modules()
        if isinstance(layer, LAYERS)
        for name, parameter in layer.named_parameters(recurse=False)
        if MATRIX_NAME.match(name) and parameter.ndim >= MATRIX and parameter.is_floating_point()
    }
    return list(found.values())


def sparsity_facts(module: torch.nn.Module, weights: Sequence[Weight]) -> dict[str, Any]:
    """How many zeros there are, by layer and in all."""
    names = {id(layer): name for name, layer in module.named_modules()}
    layers = [_layer(f"{names[id(layer)]}.{name}".lstrip("."), getattr(layer, name)) for layer, name in weights]
    zeros, size = sum(layer["zeros"] for layer in layers), sum(layer["weights"] for layer in layers)
    return {"sparsity": round(zeros / size, 4), "zeros": zeros, "weights": size, "layers": layers, "note": DENSE}


def _layer(name: str, tensor: torch.Tensor) -> dict[str, Any]:
    zeros = int((tensor == 0).sum())
    return {"name": name, "weights": tensor.numel(), "zeros": zeros, "sparsity": round(zeros / tensor.numel(), 4)}
