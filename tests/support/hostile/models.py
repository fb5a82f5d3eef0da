"""`spec.model` for files of every format, as a user would write it."""

from pathlib import Path
from typing import Any

from support.optimizer import TINY_MODELS, ends

CNN = ends({"image": ("float32", ["batch", 1, 8, 8])}, ["logits"])
LINE = ends({"x": ("float32", ["batch", 4])}, ["y"])


def weights(path: Path, **fields: Any) -> dict[str, Any]:
    """Weights of the CNN, by its factory."""
    code = {"uri": TINY_MODELS.as_uri()}
    return {"source": {"uri": uri(path)}, "factory": "tiny_models:Cnn", "code": code, **CNN, **fields}


def whole(path: Path, **fields: Any) -> dict[str, Any]:
    """A file or folder that is the whole model."""
    return {"source": {"uri": uri(path)}, **CNN, **fields}


def uri(path: Path) -> str:
    return path.as_uri() + ("/" if path.is_dir() else "")
