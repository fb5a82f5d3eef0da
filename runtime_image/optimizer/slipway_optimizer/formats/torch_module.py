"""A PyTorch module as the original model: asked in eager mode, exported with the dynamo exporter."""

import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from torch.utils._pytree import tree_leaves

from slipway_optimizer import reasons
from slipway_optimizer.arrays import Array, Feeds
from slipway_optimizer.errors import UserError
from slipway_optimizer.export import export_module, export_onnx
from slipway_optimizer.spec import ModelSpec


class DeclaredCall(torch.nn.Module):
    """Calls a module with the declared inputs and returns the declared outputs, each in order."""

    def __init__(self, model: torch.nn.Module, spec: ModelSpec) -> None:
        super().__init__()
        self.model = model
        self._inputs = [tensor.name for tensor in spec.inputs]
        self._outputs = [tensor.name for tensor in spec.outputs]
        self._by_name = _takes_names(model, self._inputs)

    def forward(self, *args: torch.Tensor) -> tuple[torch.Tensor, ...]:
        named = dict(zip(self._inputs, args, strict=True)) if self._by_name else {}
        return declared_outputs(self.model(**named) if named else self.model(*args), self._outputs)


class TorchModel:
    """A module whose weights are loaded."""

    framework: Literal["PyTorch", "ONNX"] = "PyTorch"

    def __init__(self, module: torch.nn.Module, spec: ModelSpec) -> None:
        self.module = module
        self.spec = spec
        self.call = DeclaredCall(module, spec).eval()
        self.size_bytes = weights_size(module.state_dict())

    def run(self, feeds: Feeds) -> list[Array]:
        """The right answer to a request, outputs in declared order."""
        return run_torch(self.call, feeds, self.spec)

    def lookup_tables(self) -> Sequence[int]:
        """Rows of each embedding."""
        return [
            int(part.num_embeddings)
            for part in self.module.modules()
            if isinstance(part, torch.nn.Embedding | torch.nn.EmbeddingBag)
        ]

    def save_onnx(self, path: Path, example: Feeds) -> None:
        """Write the model as ONNX with the declared names and dynamic axes."""
        arguments = to_tensors(example, self.spec)
        export_onnx(lambda: export_module(self.call, arguments, self.spec), self.spec, path, self.size_bytes)


def run_torch(call: torch.nn.Module, feeds: Feeds, spec: ModelSpec) -> list[Array]:
    """One eager call, without gradients."""
    with torch.no_grad():
        outputs = call(*to_tensors(feeds, spec))
    return [output.detach().numpy() for output in outputs]


def to_tensors(feeds: Feeds, spec: ModelSpec) -> tuple[torch.Tensor, ...]:
    """A request as tensors in declared order."""
    return tuple(torch.from_numpy(feeds[tensor.name]) for tensor in spec.inputs)


def weights_size(state: Mapping[str, Any]) -> int:
    """Bytes of the distinct tensors in a state dict."""
    tensors = {value.data_ptr(): value.nbytes for value in state.values() if isinstance(value, torch.Tensor)}
    return sum(tensors.values())


def declared_outputs(result: Any, names: Sequence[str]) -> tuple[torch.Tensor, ...]:
    """What a forward returned, as the declared outputs: by name from a mapping, else all tensors in order.

    Raises:
        UserError: the numbers differ, or something is no tensor.
    """
    if isinstance(result, Mapping) and all(name in result for name in names):
        result = [result[name] for name in names]
    leaves = [leaf for leaf in tree_leaves(result) if leaf is not None]
    odd = next((leaf for leaf in leaves if not isinstance(leaf, torch.Tensor)), None)
    if odd is not None:
        message = (
            f"The model's forward returns a {type(odd).__name__}: it has to return tensors, in tuples, lists or dicts."
        )
        raise UserError(reasons.OUTPUT_MISMATCH, message)
    if len(leaves) != len(names):
        shapes = ", ".join(str(list(leaf.shape)) for leaf in leaves)
        message = (
            f"The spec declares the outputs {', '.join(names)}, the model returns {len(leaves)} of shapes {shapes}: "
            "name each of them in spec.model.outputs."
        )
        raise UserError(reasons.OUTPUT_MISMATCH, message)
    return tuple(leaves)


def _takes_names(model: torch.nn.Module, names: Sequence[str]) -> bool:
    parameters = inspect.signature(model.forward).parameters
    by_keyword = {inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY}
    return all(name in parameters and parameters[name].kind in by_keyword for name in names)
