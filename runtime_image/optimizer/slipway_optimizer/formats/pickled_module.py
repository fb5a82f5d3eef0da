"""A whole module as a pickle: code of whoever wrote the file, run only where resource and administrator allow it."""

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import torch

from slipway_optimizer import reasons
from slipway_optimizer.callables import make_importable
from slipway_optimizer.errors import UserError, first_line
from slipway_optimizer.formats.detect import pickle_facts
from slipway_optimizer.formats.nested import SAVE_STATE_DICT
from slipway_optimizer.spec import Checkpoint

# Set by the operator from the chart's optimizer.allowPickle.
ALLOWED_BY_ADMINISTRATOR: Final = "SLIPWAY_ALLOW_PICKLE"


def load_pickled_module(path: Path, model: Checkpoint, code: Path | None) -> torch.nn.Module:
    """Unpickle a module, which runs whatever the file says.

    Raises:
        UserError: it is not allowed, its classes are not importable, or it holds no module.
    """
    name = pickle_facts(path).foreign or "a class"
    _require_permission(name, model)
    make_importable(code)
    try:
        with warnings.catch_warnings():
            # Such as a change of the class's source, which only its author can judge.
            warnings.simplefilter("ignore")
            content = torch.load(path, map_location="cpu", weights_only=False)
    except MemoryError:
        raise
    except (ModuleNotFoundError, AttributeError) as error:
        message = f"The pickle needs code that is not there ({first_line(error)}): add its package to spec.model.code."
        raise UserError(reasons.FACTORY_NOT_FOUND, message) from error
    except (Exception, SystemExit) as error:
        message = f"Unpickling failed with {type(error).__name__}: {first_line(error)}. Better {SAVE_STATE_DICT}."
        raise UserError(reasons.CHECKPOINT_INVALID, message) from error
    return _module_in(content).float().eval()


def _require_permission(name: str, model: Checkpoint) -> None:
    allowed = os.environ.get(ALLOWED_BY_ADMINISTRATOR, "").lower() == "true"
    if model.allow_pickle and allowed:
        return
    if model.allow_pickle:
        instead = "the administrator has not allowed it (chart value optimizer.allowPickle)"
        how = f"{SAVE_STATE_DICT}, or ask for it"
    else:
        instead = "which is refused"
        how = f"{SAVE_STATE_DICT}, or set spec.model.allowPickle to true if you trust it"
    message = f"The file is a whole pickle that would run code on loading ({name}), {instead}: {how}."
    raise UserError(reasons.UNSAFE_PICKLE, message)


def _module_in(content: object) -> torch.nn.Module:
    if isinstance(content, torch.nn.Module):
        return content
    values = content.values() if isinstance(content, Mapping) else ()
    modules = [item for item in values if isinstance(item, torch.nn.Module)]
    if len(modules) == 1:
        return modules[0]
    message = f"The pickle holds a {type(content).__name__} with {len(modules)} modules: save the module alone."
    raise UserError(reasons.CHECKPOINT_INVALID, message)
