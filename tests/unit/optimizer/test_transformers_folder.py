"""Transformers folders: the class that config.json names, weights in shards, and never random numbers for a head."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from support.exports import export_loaded
from support.optimizer import model_spec
from transformers import BertConfig, BertForSequenceClassification, BertModel

from slipway_optimizer.errors import UserError
from slipway_optimizer.formats.load import load_model

TOKENS: Any = {name: ("int64", ["batch", "tokens"]) for name in ("input_ids", "attention_mask")}
FEEDS = {"input_ids": np.array([[5, 6, 7]]), "attention_mask": np.array([[1, 1, 0]])}


@pytest.fixture(scope="module")
def config() -> Any:
    torch.manual_seed(0)
    return BertConfig(
        vocab_size=50, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, num_labels=3
    )


def load(folder: Path, outputs: list[str], **fields: Any) -> tuple[Any, Any]:
    spec = model_spec(TOKENS, outputs, {"source": {"uri": f"{folder.as_uri()}/"}, **fields})
    return load_model(spec, folder, None), spec


def answer(module: Any, output: str) -> Any:
    module.eval()
    with torch.no_grad():
        return module(**{name: torch.from_numpy(value) for name, value in FEEDS.items()})[output]


@pytest.mark.parametrize("shards", ["50GB", "20KB"])
def test_the_class_that_the_config_names(tmp_path, config, shards):
    module = BertForSequenceClassification(config)
    module.save_pretrained(tmp_path, max_shard_size=shards)
    assert (tmp_path / "model.safetensors.index.json").exists() == (shards == "20KB")
    model, _ = load(tmp_path, ["logits"])
    assert np.allclose(model.run(FEEDS)[0], answer(module, "logits"), atol=1e-6)


def test_a_small_one_is_exported(tmp_path, config):
    module = BertModel(config)
    module.save_pretrained(tmp_path / "bert")
    model, spec = load(tmp_path / "bert", ["last_hidden_state", "pooler_output"])
    done = export_loaded(tmp_path, model, spec)
    assert done.exporter[0] == "dynamo"
    assert np.allclose(done.ask(**FEEDS)[1], answer(module, "pooler_output"), atol=1e-5)


def test_half_precision_is_widened(tmp_path, config):
    BertModel(config).to(torch.bfloat16).save_pretrained(tmp_path)
    model, _ = load(tmp_path, ["last_hidden_state"])
    assert model.run(FEEDS)[0].dtype == np.float32


def test_pickled_weights_are_read_without_running_them(tmp_path, config):
    module = BertModel(config)
    config.save_pretrained(tmp_path)
    torch.save(module.state_dict(), tmp_path / "pytorch_model.bin")
    model, _ = load(tmp_path, ["last_hidden_state"], modelClass="BertModel")
    assert np.allclose(model.run(FEEDS)[0], answer(module, "last_hidden_state"), atol=1e-6)


def test_a_head_that_nobody_trained(tmp_path, config):
    BertModel(config).save_pretrained(tmp_path)
    with pytest.raises(UserError) as caught:
        load(tmp_path, ["logits"], modelClass="AutoModelForSequenceClassification")
    assert caught.value.reason == "CheckpointMismatch"
    assert "no fitting weights for classifier.bias, classifier.weight" in caught.value.message


def test_a_pooler_that_nobody_trained_is_left_out(tmp_path, config):
    module = BertModel(config, add_pooling_layer=False)
    module.save_pretrained(tmp_path)
    model, _ = load(tmp_path, ["last_hidden_state"])
    assert np.allclose(model.run(FEEDS)[0], answer(module, "last_hidden_state"), atol=1e-6)


@pytest.mark.parametrize("name", ["pipeline", "BertTokenizer", "BertConfig", "Nothing"])
def test_what_is_no_model_class(tmp_path, config, name):
    BertModel(config).save_pretrained(tmp_path)
    with pytest.raises(UserError) as caught:
        load(tmp_path, ["last_hidden_state"], modelClass=name)
    assert f"The transformers package {transformers.__version__} has no model class {name}" in caught.value.message
