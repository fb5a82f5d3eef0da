"""The models that every server serves, each as an artifact, and one sample of input."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path

import numpy as np
import onnxruntime
import yaml
from support.artifacts import build_mlp, write_artifact

from slipway_contract.digest import hex_of
from slipway_contract.manifest import MANIFEST_FILE, MODEL_FILE, Manifest
from slipway_optimizer.job import Order, run_job
from slipway_optimizer.progress import Progress

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Model:
    """`sample` is one row for each input."""

    name: str
    artifact: Path
    sample: Arrays

    @property
    def onnx(self) -> Path:
        return self.artifact / MODEL_FILE

    @cached_property
    def manifest(self) -> Manifest:
        return Manifest.model_validate_json((self.artifact / MANIFEST_FILE).read_bytes())

    @cached_property
    def answer(self) -> np.ndarray:
        """ONNX Runtime's own, to hold every server's first answer against."""
        session = onnxruntime.InferenceSession(str(self.onnx), providers=["CPUExecutionProvider"])
        return session.run(None, self.sample)[0]


def mlp(folder: Path) -> Model:
    """64-64-10: nothing but the framework's own cost."""
    write_artifact(folder / "mlp", build_mlp())
    x = np.random.default_rng(0).normal(size=(1, 64)).round(4).astype(np.float32)
    return Model("mlp", folder / "mlp", {"x": x})


def lite0(folder: Path) -> Model:
    """EfficientNet-Lite0 in float."""
    image = np.random.default_rng(0).normal(size=(1, 3, 224, 224)).round(4).astype(np.float32)
    return Model("lite0", _exported("lite0", folder), {"image": image})


def minilm(folder: Path) -> Model:
    """MiniLM-L6 in float at 64 tokens."""
    tokens = np.random.default_rng(0).integers(1000, 20_000, size=(1, 64))
    return Model("minilm", _exported("minilm", folder), {"input_ids": tokens, "attention_mask": np.ones_like(tokens)})


MODELS: dict[str, Callable[[Path], Model]] = {"mlp": mlp, "lite0": lite0, "minilm": minilm}


def _exported(name: str, folder: Path) -> Path:
    """What the optimizer makes of it where it may change nothing."""
    scratch = folder / f"{name}-sources"
    scratch.mkdir()
    document = import_module(f"support.real_models.{name}").prepare(scratch)
    document["spec"]["optimize"] = {"quantize": {"mode": "None"}}
    spec = scratch / "modeldeployment.yaml"
    spec.write_text(yaml.safe_dump(document))
    result = run_job(spec, str(folder / "store"), Order(), Progress((scratch / "progress").open("w")))
    return folder / "store" / hex_of(result.recipe_digest)


def prepared(names: list[str], folder: Path) -> Iterator[Model]:
    for name in names:
        yield MODELS[name](folder)
