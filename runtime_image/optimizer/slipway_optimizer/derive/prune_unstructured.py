"""L1Unstructured: the smallest weights become zero, where they are."""

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

Weight = tuple[torch.nn.Module, str]


def mask_weights(module: torch.nn.Module, wanted: Prune) -> list[Weight]:
    """Put masks on the weights of a module's layers; training keeps what is masked at zero.

    Raises:
        NotDerivableError: there is no such layer.
    """
    weights = find_weights(module)
    if not weights:
        raise NotDerivableError(
            "There is no convolution, linear or recurrent layer whose weights could be set to zero: remove prune."
        )
    if wanted.threshold is not None:
        for layer, name in weights:
            # w' = w if |w| > threshold else 0
            torch_prune.custom_from_mask(layer, name, getattr(layer, name).detach().abs() > wanted.threshold)
    elif wanted.scope == "PerLayer":
        for layer, name in weights:
            torch_prune.l1_unstructured(layer, name, amount=wanted.amount)
    else:
        torch_prune.global_unstructured(weights, pruning_method=torch_prune.L1Unstructured, amount=wanted.amount)
    return weights


def make_permanent(weights: Sequence[Weight]) -> None:
    """Zeros instead of masks: nothing of the pruning is left in the model but its zeros."""
    for layer, name in weights:
        torch_prune.remove(layer, name)


def find_weights(module: torch.nn.Module) -> list[Weight]:
    """The weight matrices of layers that compute with them; not biases, norms or lookup tables."""
    return [
        (layer, name)
        for layer in module.modules()
        if isinstance(layer, LAYERS)
        for name, parameter in layer.named_parameters(recurse=False)
        if "weight" in name and parameter.ndim >= MATRIX and parameter.is_floating_point()
    ]


def sparsity_facts(module: torch.nn.Module, weights: Sequence[Weight]) -> dict[str, Any]:
    """How many zeros there are, by layer and in all."""
    names = {id(layer): name for name, layer in module.named_modules()}
    layers = [_layer(f"{names[id(layer)]}.{name}".lstrip("."), getattr(layer, name)) for layer, name in weights]
    zeros, size = sum(layer["zeros"] for layer in layers), sum(layer["weights"] for layer in layers)
    return {"sparsity": round(zeros / size, 4), "zeros": zeros, "weights": size, "layers": layers, "note": DENSE}


def _layer(name: str, tensor: torch.Tensor) -> dict[str, Any]:
    zeros = int((tensor == 0).sum())
    return {"name": name, "weights": tensor.numel(), "zeros": zeros, "sparsity": round(zeros / tensor.numel(), 4)}
