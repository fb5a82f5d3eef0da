"""Transformers: a folder of config.json and weights, built by a class of the transformers package alone."""

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import torch
import transformers

from slipway_optimizer import reasons
from slipway_optimizer.errors import UserError, first_line
from slipway_optimizer.formats.nested import find_weights
from slipway_optimizer.formats.shards import read_json, shard_files
from slipway_optimizer.formats.state_dict import read_checkpoint
from slipway_optimizer.formats.torch_module import TorchModel
from slipway_optimizer.spec import ModelSpec

MAX_CONFIG_BYTES: Final = 4 << 20
LISTED: Final = 5
# Others are packages of their own, or code that is fetched from a hub by its name.
KERNELS: Final = frozenset({"eager", "sdpa", None})
OTHERS_CODE: Final = "its code is never run: set format to SafeTensors, and factory and code to what builds the model"


def load_transformers(path: Path, spec: ModelSpec) -> TorchModel:
    """Build the model that config.json describes, and load the weights beside it.

    Raises:
        UserError: the folder needs code of its own or files elsewhere, or its weights do not fill the model.
    """
    raw = _read_config(path)
    model_class = _model_class(spec.model_class or _architecture(raw))
    transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    transformers.utils.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    try:
        module = _build(model_class, path)
    except (UserError, MemoryError):
        raise
    except Exception as error:
        message = f"{model_class.__name__} cannot load the folder: {type(error).__name__}: {first_line(error)[:400]}."
        raise UserError(reasons.CHECKPOINT_INVALID, message) from error
    # A cache of keys and values is no output that anybody declares.
    module.config.use_cache = False
    return TorchModel(module.eval(), spec)


def _read_config(folder: Path) -> dict[str, Any]:
    config = read_json(folder / "config.json", MAX_CONFIG_BYTES)
    if not isinstance(config, dict):
        raise UserError(reasons.CHECKPOINT_INVALID, "config.json holds no object: save the model with save_pretrained.")
    foreign = next((value for value in _values(config, "attn_implementation") if value not in KERNELS), None)
    if foreign is not None:
        message = f"config.json asks for the attention code {str(foreign)[:128]!r}; {OTHERS_CODE}."
        raise UserError(reasons.CHECKPOINT_INVALID, message)
    if (folder / "adapter_config.json").exists():
        message = "The folder holds an adapter without its base model: merge them, and save the model as a whole."
        raise UserError(reasons.CHECKPOINT_INVALID, message)
    return config


def _architecture(config: dict[str, Any]) -> str:
    names = config.get("architectures")
    if not isinstance(names, list) or not names or not isinstance(names[0], str):
        message = "config.json names no class in architectures: set spec.model.modelClass, such as AutoModel."
        raise UserError(reasons.CHECKPOINT_INVALID, message)
    return names[0]


def _model_class(name: str) -> Any:
    found = getattr(transformers, name, None) if name.isidentifier() and not name.startswith("_") else None
    if not isinstance(found, type) or not (issubclass(found, transformers.PreTrainedModel) or name.startswith("AutoM")):
        message = f"The transformers package {transformers.__version__} has no model class {name[:128]}; {OTHERS_CODE}."
        raise UserError(reasons.CHECKPOINT_INVALID, message)
    return found


def _build(model_class: Any, folder: Path) -> Any:
    offline = {"local_files_only": True, "trust_remote_code": False}
    config = transformers.AutoConfig.from_pretrained(folder, **offline)
    module, info = _load(model_class, folder, config)
    missing = sorted(info["missing_keys"])
    if missing and all(name.startswith("pooler.") for name in missing) and _has_pooler(model_class):
        module, info = _load(model_class, folder, config, add_pooling_layer=False)
        missing = sorted(info["missing_keys"])
    wrong = missing or sorted(str(item[0]) for item in info["mismatched_keys"])
    if wrong:
        more = f" and {len(wrong) - LISTED} more" if len(wrong) > LISTED else ""
        message = (
            f"The folder has no fitting weights for {', '.join(wrong[:LISTED])}{more} of {model_class.__name__}, which "
            "would be random numbers: set spec.model.modelClass to the class that was trained."
        )
        raise UserError(reasons.CHECKPOINT_MISMATCH, message)
    return module


def _load(model_class: Any, folder: Path, config: Any, **arguments: Any) -> tuple[Any, dict[str, Any]]:
    arguments |= {"config": config, "dtype": torch.float32, "local_files_only": True, "output_loading_info": True}
    if model_class.__name__.startswith("Auto"):
        arguments["trust_remote_code"] = False
    if shard_files(folder):
        return model_class.from_pretrained(folder, use_safetensors=True, **arguments)  # type: ignore[no-any-return]
    state: dict[str, torch.Tensor] = {}
    for file in shard_files(folder, ".bin"):
        state |= find_weights(read_checkpoint(file))[0].tensors
    return model_class.from_pretrained(None, state_dict=state, **arguments)  # type: ignore[no-any-return]


def _has_pooler(model_class: Any) -> bool:
    return "add_pooling_layer" in inspect.signature(model_class.__init__).parameters


def _values(content: Any, key: str) -> Iterator[Any]:
    """Whatever stands under keys that end so, at any depth."""
    if isinstance(content, list):
        for item in content:
            yield from _values(item, key)
    elif isinstance(content, dict):
        for name, item in content.items():
            if name.endswith(key):
                yield from item.values() if isinstance(item, dict) else [item]
            yield from _values(item, key)
