"""TorchScript: a program of its own, loaded whole or as one of its modules, and exported by the exporter for it."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Literal

import torch

from slipway_contract.manifest import Exporter
from slipway_optimizer import reasons
from slipway_optimizer.arrays import Array, Feeds
from slipway_optimizer.errors import UserError, first_line
from slipway_optimizer.export_torchscript import export_torchscript
from slipway_optimizer.formats.declared_outputs import declared_outputs
from slipway_optimizer.formats.script_code import refuse_unsafe_code
from slipway_optimizer.formats.script_parts import advice, has_graph, obstacle
from slipway_optimizer.formats.torch_module import TORCHSCRIPT, run_torch, to_tensors, weights_size
from slipway_optimizer.spec import ModelSpec

LISTED: Final = 12
DICTIONARY: Final = "Dict[str, Tensor]"
EMBEDDINGS: Final = frozenset({"Embedding", "EmbeddingBag"})


class ScriptCall(torch.nn.Module):
    """Calls a script with the declared inputs in order, and returns the declared outputs."""

    def __init__(self, script: torch.jit.ScriptModule, spec: ModelSpec) -> None:
        super().__init__()
        self.script = declared_script(script, spec)
        self._outputs = [tensor.name for tensor in spec.outputs]

    def forward(self, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return declared_outputs(self.script(*tensors), self._outputs)


class ScriptModel:
    """A TorchScript module; `whole` is what it is a part of, or itself."""

    framework: Literal["PyTorch", "ONNX"] = "PyTorch"
    exporters: Sequence[Exporter] = (TORCHSCRIPT,)

    def __init__(self, script: torch.jit.ScriptModule, whole: torch.jit.ScriptModule, spec: ModelSpec) -> None:
        self._whole = whole
        self._script = script
        self._spec = spec
        self._call = ScriptCall(script, spec).eval()
        self.size_bytes = weights_size(script.state_dict())

    def run(self, feeds: Feeds) -> list[Array]:
        """The right answer to a request, outputs in declared order."""
        return run_torch(self._call, feeds, self._spec)

    def changed_by(self, feeds: Feeds) -> list[str]:
        """Nothing: what keeps state was refused."""
        del feeds
        return []

    def lookup_tables(self) -> Sequence[int]:
        """Rows of each embedding."""
        parts = [part for part in self._script.modules() if getattr(part, "original_name", "") in EMBEDDINGS]
        return [int(part.weight.shape[0]) for part in parts if isinstance(part.weight, torch.Tensor)]

    def save_onnx(self, path: Path, example: Feeds, exporter: str = TORCHSCRIPT.name) -> None:
        """Write the module as ONNX with the declared names and dynamic axes."""
        del exporter
        try:
            export_torchscript(self._call, to_tensors(example, self._spec), self._spec, path)
        except UserError as error:
            raise UserError(error.reason, f"{error.message}{advice(self._whole, self._script)}") from error


def load_torch_script(path: Path, spec: ModelSpec) -> ScriptModel:
    """Read a TorchScript archive, and take the module that `model.submodule` names, or the whole.

    Raises:
        UserError: the archive is damaged, would touch files, has no such module, or one that cannot become a graph.
    """
    refuse_unsafe_code(path)
    try:
        whole = _load(path)
    except MemoryError:
        raise
    except Exception as error:
        message = f"The TorchScript archive cannot be read ({first_line(error)}): save it again with torch.jit.save."
        raise UserError(reasons.CHECKPOINT_INVALID, message) from error
    script = _part(whole, spec.submodule)
    problem = obstacle(script)
    if problem:
        name = f"The submodule {spec.submodule}" if spec.submodule else "The TorchScript"
        raise UserError(reasons.EXPORT_FAILED, f"{name} {problem}.{advice(whole, script)}")
    return ScriptModel(script, whole, spec)


def _load(path: Path) -> Any:
    with warnings.catch_warnings():
        # TorchScript is deprecated as a whole, and its files stay.
        warnings.simplefilter("ignore", FutureWarning)
        return torch.jit.load(str(path), map_location="cpu").eval()  # type: ignore[no-untyped-call]


def _scripted(module: torch.nn.Module) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return torch.jit.script(module)


def declared_script(script: Any, spec: ModelSpec) -> torch.jit.ScriptModule:
    """A script around a script, whose forward takes the declared inputs in order and returns no dictionary.

    Raises:
        UserError: its forward takes other inputs than declared.
    """
    arguments = script.forward.schema.arguments[1:]
    taken = [argument.name for argument in arguments]
    required = [argument.name for argument in arguments if not argument.has_default_value()]
    declared = [tensor.name for tensor in spec.inputs]
    by_name = set(required) <= set(declared) <= set(taken)
    if not by_name and not len(required) <= len(declared) <= len(taken):
        message = (
            f"The TorchScript takes {', '.join(taken) or 'nothing'} ({len(required)} of them have no default), the "
            f"spec declares {', '.join(declared)}: correct spec.model.inputs."
        )
        raise UserError(reasons.INPUT_MISMATCH, message)
    names = declared if by_name else taken[: len(declared)]
    parameters = ", ".join(f"input_{index}: Tensor" for index in range(len(names)))
    passed = ", ".join(f"{name}=input_{index}" for index, name in enumerate(names))
    outer = torch.nn.Module()
    outer.model = script
    call: torch.jit.ScriptModule = _scripted(outer)
    call.define(
        f"def forward(self, {parameters}):\n    result = self.model.forward({passed})\n"
        f"    return {_returned(script, spec)}\n"
    )
    return call.eval()


def _returned(script: Any, spec: ModelSpec) -> str:
    """A dictionary cannot leave a graph; the declared entries of one can."""
    if str(script.forward.schema.returns[0].type) != DICTIONARY:
        return "result"
    return "(" + "".join(f"result[{tensor.name!r}], " for tensor in spec.outputs) + ")"


def _part(whole: Any, path: str | None) -> Any:
    part = whole
    for name in path.split(".") if path else ():
        inner = dict(part.named_children())
        if name not in inner:
            there = ", ".join(list(inner)[:LISTED]) or "none"
            message = f"The TorchScript has no submodule {path}; at {name} it has {there}: correct submodule."
            raise UserError(reasons.CHECKPOINT_INVALID, message)
        part = inner[name]
    if not has_graph(part):
        there = ", ".join(name for name, _ in part.named_children()) or "none"
        message = f"The module {path or 'at the top'} has no forward; name one of its submodules: {there}."
        raise UserError(reasons.CHECKPOINT_INVALID, message)
    return part
