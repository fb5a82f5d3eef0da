"""Loads, plans, exports and verifies a module as the Job does, without the contest that follows."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from support.optimizer import ends

from slipway_contract.digest import sha256_of_bytes
from slipway_optimizer.axes import AxisPlan
from slipway_optimizer.contest.entry import PLAIN
from slipway_optimizer.contest.field import Exported
from slipway_optimizer.exporting import export_all
from slipway_optimizer.formats.loaded import LoadedModel
from slipway_optimizer.formats.torch_module import TorchModel
from slipway_optimizer.progress import Progress
from slipway_optimizer.requests import plan_requests
from slipway_optimizer.samples import Sampler
from slipway_optimizer.sources.fetch import Fetched
from slipway_optimizer.spec import Deployment, ModelSpec
from slipway_optimizer.spec.optimize import Optimize
from slipway_optimizer.workshop import Inputs, Workshop

Shapes = dict[str, tuple[str, list[int | str]]]


@dataclass(frozen=True)
class Export:
    """A verified export."""

    shop: Workshop
    exported: Exported
    sampler: Sampler
    plan: AxisPlan

    @property
    def exporter(self) -> tuple[str, str]:
        assert self.exported.exporter is not None
        return self.exported.exporter.name, self.exported.exporter.reason

    @property
    def file(self) -> Path:
        return self.shop.file(PLAIN)

    def ask(self, **inputs: Any) -> list[Any]:
        """ONNX Runtime's answers."""
        arrays = {name: np.asarray(value) for name, value in inputs.items()}
        return self.shop.open(PLAIN).run(arrays)


def export(folder: Path, module: torch.nn.Module, inputs: Shapes, outputs: list[str]) -> Export:
    """Export a module with these declared inputs and outputs; failures are raised as they are."""
    document = {"source": {"uri": "file:///net.pth"}, "format": "StateDict", "factory": "nets:Net"}
    spec = ModelSpec.model_validate({**document, **ends(inputs, outputs)})
    return export_loaded(folder, TorchModel(module.eval(), spec), spec)


def export_loaded(folder: Path, model: LoadedModel, spec: ModelSpec) -> Export:
    """Export a model of any format."""
    deployment = Deployment(name="net", model=spec, optimize=Optimize(), raw_spec={})
    # The model is in memory already; the Job looks at its source only to let go of what is mapped from it.
    source = Fetched(folder / "net.pth", "net.pth", sha256_of_bytes(b""))
    source.path.touch()
    shop = Workshop(deployment, Inputs({"model.source": source}), folder, 1, Progress(io.StringIO()))
    sampler, plan = plan_requests(shop, model)
    (exported,) = export_all(shop, model, [], sampler, plan)
    return Export(shop, exported, sampler, plan)
