"""What every step of one optimization works with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import onnxruntime

from slipway_contract.manifest import MODEL_FILE
from slipway_contract.providers import CPU, CUDA, providers_for
from slipway_optimizer.contest.engine_shapes import engine_shapes
from slipway_optimizer.contest.entry import PLAIN, Entry
from slipway_optimizer.onnx_session import OnnxSession
from slipway_optimizer.progress import Progress
from slipway_optimizer.sources.fetch import Fetched
from slipway_optimizer.spec import Deployment, ModelSpec
from slipway_optimizer.stores.checkpoints import Checkpoints, NoCheckpoints


@dataclass(frozen=True)
class Inputs:
    """What was fetched and verified, by the source's field: `model.source`, `optimize.evaluate.data` ...

    `code` is `model.code`, unpacked to a folder to import from.
    """

    fetched: Mapping[str, Fetched]
    code: Path | None = None

    @property
    def source(self) -> Fetched:
        return self.fetched["model.source"]

    @property
    def code_digest(self) -> str | None:
        code = self.fetched.get("model.code")
        return code.digest if code else None

    def path(self, field: str) -> Path | None:
        """The file or folder of an optional source, where the spec names one."""
        found = self.fetched.get(field)
        return found.path if found else None

    @property
    def data(self) -> Path | None:
        return self.path("optimize.evaluate.data")


@dataclass(frozen=True)
class Workshop:
    """The spec, the inputs, a folder with one subfolder an entry, the CPUs to use, and where a training is kept."""

    deployment: Deployment
    inputs: Inputs
    folder: Path
    threads: int
    progress: Progress
    checkpoints: Checkpoints = field(default_factory=NoCheckpoints)

    @property
    def spec(self) -> ModelSpec:
        return self.deployment.model

    @property
    def outputs(self) -> list[str]:
        return [tensor.name for tensor in self.spec.outputs]

    def file(self, entry: Entry) -> Path:
        """Where an entry's ONNX file is, or will be; its folder may hold files that belong to it."""
        folder = self.folder / entry.folder
        folder.mkdir(exist_ok=True)
        return folder / MODEL_FILE

    def open(self, entry: Entry) -> OnnxSession:
        """A session on an entry on the CPU, with all threads: what is compared bit by bit is compared there."""
        return OnnxSession(self.file(entry), self.outputs, self.threads)

    def open_as_served(self, entry: Entry) -> OnnxSession:
        """A session on what will serve it: what is timed and scored is measured there."""
        return self._open_on(entry.execution_provider or self.provider, entry)

    @cached_property
    def provider(self) -> str:
        """What serves the plain export: CUDA where it really starts, else the CPU."""
        if CUDA not in onnxruntime.get_available_providers():
            return CPU
        return self._open_on(CUDA, PLAIN).provider

    def _open_on(self, provider: str, entry: Entry) -> OnnxSession:
        path, available = self.file(entry), onnxruntime.get_available_providers()
        providers = providers_for(provider, available, path.parent, engine_shapes(self.spec.inputs))
        return OnnxSession(path, self.outputs, self.threads, providers=providers)
