"""The factory: from `module:attribute` and its arguments to a `torch.nn.Module` in eval mode."""

from pathlib import Path

import torch

from slipway_optimizer import reasons
from slipway_optimizer.callables import Reference, import_callable
from slipway_optimizer.errors import UserError, first_line
from slipway_optimizer.spec import ModelSpec


def build_module(
    model: ModelSpec, code: Path | None, *, place: str = "spec.model", code_field: str = "spec.model.code"
) -> torch.nn.Module:
    """Import the factory and call it.

    Args:
        model: names the factory and its arguments.
        code: folder to import from first; None for installed packages only.
        place: where the spec names the factory and its arguments, for errors.
        code_field: where the spec names the code.

    Raises:
        UserError: the factory does not exist, fails, or makes something else.
    """
    factory = import_callable(_reference(model, place, code_field), code)
    try:
        built = factory(*(model.factory_args or ()), **(model.factory_kwargs or {}))
    except MemoryError:
        raise
    except (Exception, SystemExit) as error:
        message = (
            f"{model.factory} failed with {type(error).__name__}: {first_line(error)}. "
            f"Correct factoryArgs or factoryKwargs in {place}, or the code."
        )
        raise UserError(reasons.FACTORY_FAILED, message) from error
    if not isinstance(built, torch.nn.Module):
        message = f"{model.factory} returned a {type(built).__name__}: it has to return a torch.nn.Module."
        raise UserError(reasons.FACTORY_FAILED, message)
    return built.eval()


def _reference(model: ModelSpec, place: str, code_field: str) -> Reference:
    return Reference(
        model.factory or "",
        field=f"{place}.factory",
        code=code_field,
        not_found=reasons.FACTORY_NOT_FOUND,
        failed=reasons.FACTORY_FAILED,
    )
