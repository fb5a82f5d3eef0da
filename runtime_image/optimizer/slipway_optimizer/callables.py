"""What the spec names as `module:attribute`: imported from the user's code, or from an installed package."""

import importlib
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from slipway_optimizer.errors import UserError, first_line

LISTED = 12


@dataclass(frozen=True)
class Reference:
    """Something to import.

    Attributes:
        path: `module:attribute`, where the attribute may have dots.
        field: where the spec says it.
        code: where the spec says which code it may come from.
        not_found: the reason to fail with where there is no such thing.
        failed: the reason to fail with where importing it fails.
    """

    path: str
    field: str
    code: str
    not_found: str
    failed: str


def import_callable(wanted: Reference, code: Path | None) -> Any:
    """Import what can be called.

    Args:
        wanted: names it.
        code: folder to import from first; None for installed packages only.

    Raises:
        UserError: it does not exist, cannot be called, or its module fails when it is imported.
    """
    module_name, _, attribute = wanted.path.partition(":")
    make_importable(code)
    return _attribute(_import(module_name, code, wanted), attribute, wanted)


def make_importable(code: Path | None) -> None:
    """Import from a folder first; None for installed packages only."""
    if code is not None and str(code) not in sys.path:
        sys.path.insert(0, str(code))
        importlib.invalidate_caches()


def _import(name: str, code: Path | None, wanted: Reference) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(error.name + ".")):
            raise UserError(wanted.not_found, _absent(error.name, code, wanted)) from error
        message = (
            f"{name} imports {error.name}, which is not installed in the optimizer image: add it to {wanted.code}, or "
            "name an image that has it in spec.optimize.image."
        )
        raise UserError(wanted.failed, message) from error
    except MemoryError:
        raise
    except (Exception, SystemExit) as error:
        message = f"Importing {name} failed with {type(error).__name__}: {first_line(error)}."
        raise UserError(wanted.failed, message) from error


def _absent(name: str, code: Path | None, wanted: Reference) -> str:
    if code is None:
        return (
            f"There is no module {name} in the optimizer image: name a wheel, zip or .py file that has it in "
            f"{wanted.code}, or an image that has it in spec.optimize.image."
        )
    there = sorted({path.name.removesuffix(".py") for path in code.iterdir() if _is_importable(path)})
    return f"There is no module {name} in {wanted.code}, which has {_some(there)}: correct {wanted.field}."


def _is_importable(path: Path) -> bool:
    return path.suffix == ".py" or (path.is_dir() and not path.name.endswith((".dist-info", ".data", "__pycache__")))


def _attribute(module: ModuleType, path: str, wanted: Reference) -> Any:
    value: Any = module
    for part in path.split("."):
        if not hasattr(value, part):
            owner = getattr(value, "__name__", type(value).__name__)
            message = f"{owner} has no {part}; it has {_some(_public(value))}: correct {wanted.field}."
            raise UserError(wanted.not_found, message)
        value = getattr(value, part)
    if not callable(value):
        raise UserError(
            wanted.not_found,
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
