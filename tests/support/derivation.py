"""What deriving needs, in this process: a small model, digits to train on, and local files as fetched sources."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits
from support.optimizer import TINY_MODELS, ends, write_spec

from slipway_contract.digest import sha256_of_file
from slipway_optimizer.axes import plan_axes
from slipway_optimizer.derive.setting import Setting
from slipway_optimizer.formats.torch_module import TorchModel
from slipway_optimizer.progress import OPTIONAL, Progress
from slipway_optimizer.samples import Sampler, find_bounds
from slipway_optimizer.sources.fetch import Fetched
from slipway_optimizer.spec import read_deployment
from slipway_optimizer.stores.checkpoints import Checkpoints, NoCheckpoints
from slipway_optimizer.workshop import Inputs, Workshop

IMAGE: tuple[dict[str, tuple[str, list[int | str]]], list[str]] = (
    {"image": ("float32", ["batch", 1, 8, 8])},
    ["logits"],
)
DATA = {"uri": "file:///data/train.npz"}


def digits() -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """1,797 real digits: images (n, 1, 8, 8) float32 in 0..1 and labels (n,), shuffled."""
    found = load_digits()
    order = np.random.default_rng(0).permutation(len(found.target))
    return found.images[order, None].astype(np.float32) / 16, found.target[order].astype(np.int64)


def write_digits(path: Path, rows: slice, *, labels: bool = True) -> Path:
    images, truth = digits()
    np.savez(path, image=images[rows], **({"labels": truth[rows]} if labels else {}))
    return path


def setting_of(
    folder: Path,
    module: torch.nn.Module,
    optimize: dict[str, Any],
    files: Mapping[str, Path] | None = None,
    given: Any = IMAGE,
    checkpoints: Checkpoints | None = None,
) -> Setting:
    """The setting in which a module is the original; `files` are the sources by field."""
    if "evaluate" not in optimize:
        optimize = {**optimize, "allowLossy": True}
    model = {"source": DATA, "format": "StateDict", "factory": "tiny_models:Cnn", **ends(*given)}
    deployment = read_deployment(write_spec(folder, model, optimize))
    progress = Progress(io.StringIO())
    progress.expect(OPTIONAL)
    fetched = {field: Fetched(path, path.name, sha256_of_file(path)) for field, path in (files or {}).items()}
    inputs = Inputs(fetched, TINY_MODELS.parent)
    shop = Workshop(deployment, inputs, folder, 2, progress, checkpoints or NoCheckpoints())
    original = TorchModel(module.eval(), deployment.model)
    plan = plan_axes(deployment.model.inputs, lambda sizes: None)
    bounds = find_bounds(deployment.model.inputs, original.lookup_tables(), lambda feeds: True, plan.example)
    sampler = Sampler(deployment.model.inputs, bounds)
    checks = [sampler.draw(sizes, seed=0) for sizes in (plan.example, *plan.checks)]
    return Setting(shop, original, checks, None)


def score(model: Any, rows: slice) -> float:
    """Accuracy on digits."""
    images, truth = digits()
    return float((model.run({"image": images[rows]})[0].argmax(1) == truth[rows]).mean())
