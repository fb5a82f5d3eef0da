"""Runs the optimizer in this process on a model of tiny_models.py, with random weights from a fixed seed."""

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from support import tiny_models
from support.optimizer import TINY_MODELS, ends, write_spec

from slipway_contract.digest import hex_of
from slipway_contract.manifest import MANIFEST_FILE, MODEL_FILE, Candidate, Manifest
from slipway_contract.result import Succeeded
from slipway_optimizer.contest.speedup import FEWEST_PAIRS
from slipway_optimizer.job import Order, run_job
from slipway_optimizer.progress import Progress

Ends = tuple[dict[str, tuple[str, list[int | str]]], list[str]]


@dataclass(frozen=True)
class Done:
    """A Job that succeeded, and where its artifact lies."""

    result: Succeeded
    artifact: Path
    progress: list[dict[str, Any]]

    @property
    def manifest(self) -> Manifest:
        return Manifest.model_validate_json((self.artifact / MANIFEST_FILE).read_bytes())

    def ask(self, feeds: dict[str, Any]) -> list[Any]:
        """The artifact's answers, from ONNX Runtime alone."""
        session = onnxruntime.InferenceSession(str(self.artifact / MODEL_FILE), providers=["CPUExecutionProvider"])
        return list(session.run([tensor.name for tensor in self.manifest.outputs], feeds))


def build(name: str, seed: int = 0) -> torch.nn.Module:
    """A model of tiny_models.py with its weights."""
    torch.manual_seed(seed)
    module: torch.nn.Module = getattr(tiny_models, name)()
    return module.eval()


def weights_only(name: str, folder: Path, given: Ends) -> dict[str, Any]:
    """`spec.model` for a state dict of a model of tiny_models.py."""
    path = folder / f"{name}.pth"
    torch.save(build(name).state_dict(), path)
    return {
        "source": {"uri": path.as_uri()},
        "format": "StateDict",
        "factory": f"tiny_models:{name}",
        "code": {"uri": TINY_MODELS.as_uri()},
        **ends(*given),
    }


def run(folder: Path, model: dict[str, Any], optimize: dict[str, Any] | None = None) -> Done:
    """Run a Job; failures are raised as they are."""
    stream = io.StringIO()
    spec = write_spec(folder, model, optimize or {"quantize": {"mode": "None"}})
    result = run_job(spec, str(folder / "store"), Order(), Progress(stream))
    progress = [json.loads(line) for line in stream.getvalue().splitlines()]
    return Done(result, folder / "store" / hex_of(result.recipe_digest), progress)


def golden_holds(done: Done) -> bool:
    """Whether ONNX Runtime reproduces the golden request of an artifact."""
    golden = done.manifest.golden
    feeds = {item.name: np.array(item.data, item.dtype).reshape(item.shape) for item in golden.inputs}
    answers = done.ask(feeds)
    return all(
        np.allclose(answer.ravel(), item.data, atol=golden.atol if item.atol is None else item.atol, rtol=golden.rtol)
        for answer, item in zip(answers, golden.outputs, strict=True)
    )


def was_timed(candidate: Candidate) -> bool:
    """With a speed-up inside its interval; without one where the machine was too slow for enough calls."""
    assert candidate.latency is not None
    assert candidate.speedup is not None
    low, high = candidate.speedup_low, candidate.speedup_high
    if low is None or high is None:
        return candidate.latency.runs < FEWEST_PAIRS and low is high
    return 0 < low <= candidate.speedup <= high
