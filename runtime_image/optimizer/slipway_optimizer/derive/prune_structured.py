"""Structured: the least important channels are cut out of convolutions and linear layers, and all that depends on them.

torch-pruning follows the dependencies through the graph of one call (Fang et al., DepGraph: Towards Any Structural
Pruning, 2023, https://arxiv.org/abs/2301.12900).
"""

import re
from collections.abc import Iterator
from typing import Any, Final

import torch
import torch_pruning
from torch.utils.flop_counter import FlopCounterMode

from slipway_optimizer.derive.problem import NotDerivableError
from slipway_optimizer.spec import Prune

# Kernels work on so many channels at once: what is left of a block costs as much as the whole.
ROUND_TO: Final = 8
# Of one layer, with scope Global.
MOST_OF_A_LAYER: Final = 0.9
ROOTS: Final = (torch.nn.Linear, torch.nn.modules.conv._ConvNd)
QUERY_KEY_VALUE: Final = 3
PROJECTION: Final = re.compile(r"(to_|c_)?(q|k|v|qkv|query|key|value|query_key_value|attn)(_proj|_lin)?")


class _MarkedOutputs(torch.nn.Module):
    """Ends each output in an operation of its own, so that the graph shows which channels the outputs are made of."""

    def __init__(self, call: torch.nn.Module) -> None:
        super().__init__()
        self.call = call

    def forward(self, *arguments: torch.Tensor) -> list[torch.Tensor]:
        return [output * 1.0 for output in self.call(*arguments) if output.requires_grad]


def remove_channels(call: torch.nn.Module, wanted: Prune, example: tuple[torch.Tensor, ...]) -> None:
    """Cut channels out of a module, in place. Inputs and outputs keep their shapes.

    Attention keeps its projections: cut by themselves they would mix heads, and code often counts on their width.

    Args:
        call: takes tensors in declared order and returns the declared outputs.
        wanted: how many.
        example: tensors that it can be called with.
    """
    kept = set(_attention_projections(call))
    for parameter in call.parameters():
        parameter.requires_grad_(parameter.is_floating_point())
    with torch.enable_grad():
        marked = _MarkedOutputs(call)
        kept |= set(_output_layers(marked, example))
        pruner = torch_pruning.pruner.BasePruner(
            marked,
            example,
            importance=torch_pruning.importance.GroupMagnitudeImportance(p=2),
            global_pruning=wanted.scope == "Global",
            pruning_ratio=wanted.amount,
            max_pruning_ratio=MOST_OF_A_LAYER,
            ignored_layers=list(kept),
            round_to=ROUND_TO,
            root_module_types=list(ROOTS),
            # Its own defaults are shared between all pruners of a process.
            in_channel_groups={},
            out_channel_groups={},
            num_heads={},
        )
        pruner.step()


def _output_layers(marked: torch.nn.Module, example: tuple[torch.Tensor, ...]) -> Iterator[torch.nn.Module]:
    """Layers whose channels are those of an output."""
    graph = torch_pruning.DependencyGraph().build_dependency(marked, example_inputs=example)
    for group in graph.get_all_groups(root_module_types=list(ROOTS)):
        cut = [item.dep for item in group if graph.is_out_channel_pruning_fn(item.dep.handler)]
        if any(not dependency.target.outputs for dependency in cut):
            yield from (dependency.target.module for dependency in cut if isinstance(dependency.target.module, ROOTS))


def _attention_projections(call: torch.nn.Module) -> Iterator[torch.nn.Module]:
    """Linear layers that make queries, keys and values: by kind, by name, or as three of one size side by side."""
    for module in call.modules():
        if isinstance(module, torch.nn.MultiheadAttention):
            yield from module.modules()
            continue
        linear = {name: child for name, child in module.named_children() if isinstance(child, torch.nn.Linear)}
        sizes = [tuple(child.weight.shape) for child in linear.values()]
        for name, child in linear.items():
            if sizes.count(tuple(child.weight.shape)) >= QUERY_KEY_VALUE or PROJECTION.fullmatch(name):
                yield child


def count_cost(call: torch.nn.Module, example: tuple[torch.Tensor, ...]) -> tuple[int, int]:
    """Parameters, and multiply-adds of a request."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        call(*example)
    return sum(parameter.numel() for parameter in call.parameters()), counter.get_total_flops() // 2


def structured_facts(before: tuple[int, int], after: tuple[int, int]) -> dict[str, Any]:
    """What was removed.

    Raises:
        NotDerivableError: nothing was.
    """
    if after[0] >= before[0]:
        raise NotDerivableError(
            f"No layer has channels to spare beyond a multiple of {ROUND_TO}: raise amount, or remove prune."
        )
    less = [round(100 * (1 - now / then)) if then else 0 for then, now in zip(before, after, strict=True)]
    return {
        "parametersBefore": before[0],
        "parametersAfter": after[0],
        "multiplyAddsBefore": before[1],
        "multiplyAddsAfter": after[1],
        "note": f"{less[0]} % of the parameters and {less[1]} % of the multiply-adds are gone.",
    }
