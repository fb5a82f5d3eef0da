"""A PyTorch module as the original model: asked in eager mode, exported by a trace of the same call."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import torch

from slipway_contract.manifest import Exporter
from slipway_optimizer.arrays import Array, Feeds
from slipway_optimizer.export import export_module, export_onnx
from slipway_optimizer.export_torchscript import export_torchscript
from slipway_optimizer.formats.calling import Convention, conventions
from slipway_optimizer.formats.changed_attributes import changed_attributes
from slipway_optimizer.formats.declared_outputs import declared_outputs
from slipway_optimizer.spec import ModelSpec

DYNAMO: Final = Exporter(name="dynamo", reason="It is tried first, and its file is right.")
TORCHSCRIPT: Final = Exporter(name="torchscript", reason="The model is TorchScript, which the dynamo exporter refuses.")


class DeclaredCall(torch.nn.Module):
    """Calls a module with the declared inputs and returns the declared outputs, each in order."""

    def __init__(self, model: torch.nn.Module, spec: ModelSpec) -> None:
        super().__init__()
        self.model = model
        self._outputs = [tensor.name for tensor in spec.outputs]
        self._conventions: list[Convention] = conventions(model.forward, [tensor.name for tensor in spec.inputs])

    def forward(self, *args: torch.Tensor) -> tuple[torch.Tensor, ...]:
        if len(self._conventions) > 1:
            self._settle(*args)
        positional, named = self._conventions[0](args)
        return declared_outputs(self.model(*positional, **named), self._outputs)

    def _settle(self, *args: torch.Tensor) -> None:
        """Find the way to call that the model accepts; where it accepts none, its own exception for the first."""
        first: Exception | None = None
        for convention in list(self._conventions):
            positional, named = convention(args)
            try:
                self.model(*positional, **named)
            except MemoryError:
                raise
            except Exception as error:
                first = first or error
                continue
            self._conventions = [convention]
            return
        if first is not None:
            raise first


class TorchModel:
    """A module whose weights are loaded."""

    framework: Literal["PyTorch", "ONNX"] = "PyTorch"

    def __init__(self, module: torch.nn.Module, spec: ModelSpec) -> None:
        self.size_bytes = weights_size(module.state_dict())
        self.module = _without_bfloat16(module)
        self.spec = spec
        self.call = DeclaredCall(module, spec).eval()

    @property
    def exporters(self) -> Sequence[Exporter]:
        """The dynamo exporter first; a scripted module has but one."""
        return [TORCHSCRIPT] if isinstance(self.module, torch.jit.ScriptModule) else [DYNAMO, TORCHSCRIPT]

    def run(self, feeds: Feeds) -> list[Array]:
        """The right answer to a request, outputs in declared order."""
        return run_torch(self.call, feeds, self.spec)

    def changed_by(self, feeds: Feeds) -> list[str]:
        """Make one more call, and name what it changed in the model itself, as in `Block.state`."""
        return changed_attributes(self.module, lambda: self.run(feeds))

    def lookup_tables(self) -> Sequence[int]:
        """Rows of each embedding, and of each matrix that a module of the model's own may look up in."""
        return list(_lookup_tables(self.module))

    def save_onnx(self, path: Path, example: Feeds, exporter: str = DYNAMO.name) -> None:
        """Write the model as ONNX with the declared names and dynamic axes."""
        arguments = to_tensors(example, self.spec)
        if exporter == TORCHSCRIPT.name:
            export_torchscript(self.call, arguments, self.spec, path)
        else:
            export_onnx(lambda: export_module(self.call, arguments, self.spec), self.spec, path)


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
    tensors = {
        value.data_ptr(): value.nbytes
        for value in state.values()
        if isinstance(value, torch.Tensor) and value.layout == torch.strided
    }
    return sum(tensors.values())


def _without_bfloat16(module: torch.nn.Module) -> torch.nn.Module:
    """Widen bfloat16 weights, which is exact: ONNX Runtime has no bfloat16 arithmetic on CPUs."""
    for weight in (*module.parameters(), *module.buffers()):
        if weight.dtype == torch.bfloat16:
            weight.data = weight.data.float()
    return module


def _lookup_tables(module: torch.nn.Module) -> Iterator[int]:
    for part in module.modules():
        if isinstance(part, torch.nn.Embedding | torch.nn.EmbeddingBag):
            yield int(part.num_embeddings)
        elif not type(part).__module__.startswith("torch.nn."):
            yield from (int(weight.shape[0]) for weight in part.parameters(recurse=False) if weight.ndim == 2)  # noqa: PLR2004
