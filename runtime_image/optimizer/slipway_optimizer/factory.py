"""The factory: from `module:attribute` and its arguments to a `torch.nn.Module` in eval mode."""

import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from slipway_optimizer import reasons
from slipway_optimizer.errors import UserError, first_line
from slipway_optimizer.spec import ModelSpec

LISTED = 12


def build_module(model: ModelSpec, code: Path | None) -> torch.nn.Module:
    """Import the factory and call it.

    Args:
        model: names the factory and its arguments.
        code: folder to import from first; None for installed packages only.

    Raises:
        UserError: the factory does not exist, fails, or makes something else.
    """
    module_name, _, path = (model.factory or "").partition(":")
    if code is not None:
        sys.path.insert(0, str(code))
        importlib.invalidate_caches()
    factory = _attribute(_import(module_name, code), path)
    try:
        built = factory(*(model.factory_args or ()), **(model.factory_kwargs or {}))
    except (Exception, SystemExit) as error:
        message = (
            f"{model.factory} failed with {type(error).__name__}: {first_line(error)}. "
            "Correct factoryArgs, factoryKwargs or the code."
        )
        raise UserError(reasons.FACTORY_FAILED, message) from error
    if not isinstance(built, torch.nn.Module):
        message = f"{model.factory} returned a {type(built).__name__}: it has to return a torch.nn.Module."
        raise UserError(reasons.FACTORY_FAILED, message)
    return built.eval()


def _import(name: str, code: Path | None) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(error.name + ".")):
            raise UserError(reasons.FACTORY_NOT_FOUND, _absent(error.name, code)) from error
        message = (
            f"{name} imports {error.name}, which is not installed in the optimizer image: add it to spec.model.code."
        )
        raise UserError(reasons.FACTORY_FAILED, message) from error
    except (Exception, SystemExit) as error:
        message = f"Importing {name} failed with {type(error).__name__}: {first_line(error)}."
        raise UserError(reasons.FACTORY_FAILED, message) from error


def _absent(name: str, code: Path | None) -> str:
    if code is None:
        return (
            f"There is no module {name} in the optimizer image: name a wheel, zip or .py file that has it in "
            "spec.model.code."
        )
    there = sorted({path.name.removesuffix(".py") for path in code.iterdir() if _is_importable(path)})
    return f"There is no module {name} in spec.model.code, which has {_some(there)}: correct spec.model.factory."


def _is_importable(path: Path) -> bool:
    return path.suffix == ".py" or (path.is_dir() and not path.name.endswith((".dist-info", ".data", "__pycache__")))


def _attribute(module: ModuleType, path: str) -> Any:
    value: Any = module
    for part in path.split("."):
        if not hasattr(value, part):
            owner = getattr(value, "__name__", type(value).__name__)
            message = f"{owner} has no {part}; it has {_some(_public(value))}: correct spec.model.factory."
            raise UserError(reasons.FACTORY_NOT_FOUND, message)
        value = getattr(value, part)
    if not callable(value):
        raise UserError(
            reasons.FACTORY_NOT_FOUND,
            f"{path} in {module.__name__} is a {type(value).__name__}, which cannot be called.",
        )
    return value


def _public(owner: Any) -> list[str]:
    """What could be meant: callables, and those that come from elsewhere last."""
    names = [name for name in dir(owner) if not name.startswith("_") and callable(getattr(owner, name, None))]
    home = getattr(owner, "__name__", "")
    return sorted(names, key=lambda name: getattr(getattr(owner, name), "__module__", None) != home)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return (", ".join(names[:LISTED]) or "nothing") + more
