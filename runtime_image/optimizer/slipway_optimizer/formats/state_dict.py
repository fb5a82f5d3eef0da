"""StateDict: `torch.save(model.state_dict(), …)`, zip or legacy pickle, never with code in it."""

import pickle
import re
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch

from slipway_optimizer import reasons
from slipway_optimizer.errors import UserError, first_line

# Keys under which training code nests a model's weights beside optimizer state, epoch and the like.
NESTED_KEYS: Final = ("state_dict", "model_state_dict", "model_state", "model")
LISTED_KEYS: Final = 8
SAVE_STATE_DICT: Final = "save the weights alone with torch.save(model.state_dict(), path)"


def read_state_dict(path: Path) -> dict[str, torch.Tensor]:
    """Read a state dict without running anything that the file holds.

    Raises:
        UserError: the file holds code, something else, or is damaged.
    """
    is_zip = zipfile.is_zipfile(path)
    if is_zip:
        _refuse_other_archives(path)
    _refuse_text(path)
    try:
        with warnings.catch_warnings():
            # Such as an unusual pickle protocol: either it can be read, or it is an error.
            warnings.simplefilter("ignore")
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=is_zip)
    except pickle.UnpicklingError as error:
        raise _refused(error) from error
    except (RuntimeError, EOFError, ValueError, KeyError, AttributeError, TypeError) as error:
        message = f"The checkpoint cannot be read ({first_line(error)}): {SAVE_STATE_DICT}, and upload the whole file."
        raise UserError(reasons.CHECKPOINT_INVALID, message) from error
    return _tensors(content)


def _tensors(content: Any) -> dict[str, torch.Tensor]:
    if not isinstance(content, Mapping):
        message = f"The checkpoint holds a {type(content).__name__}, not a state dict: {SAVE_STATE_DICT}."
        raise UserError(reasons.CHECKPOINT_INVALID, message)
    if is_state_dict(content):
        return dict(content)
    nested = [key for key in NESTED_KEYS if is_state_dict(content.get(key))]
    if len(nested) == 1:
        return dict(content[nested[0]])
    keys = ", ".join(str(key) for key in list(content)[:LISTED_KEYS])
    message = f"The checkpoint is no state dict; its keys are {keys or 'none'}: {SAVE_STATE_DICT}."
    raise UserError(reasons.CHECKPOINT_INVALID, message)


def is_state_dict(value: Any) -> bool:
    """Whether a value maps names to tensors, and nothing else."""
    if not isinstance(value, Mapping) or not value:
        return False
    return all(isinstance(key, str) and isinstance(item, torch.Tensor) for key, item in value.items())


def _refuse_other_archives(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        names = [name.split("/", 1)[-1] for name in archive.namelist()]
    if any(name.startswith("code/") for name in names):
        message = f"The file is a TorchScript archive, not a state dict: {SAVE_STATE_DICT}."
        raise UserError(reasons.CHECKPOINT_INVALID, message)
    if any(name == "archive_format" or name.startswith("models/") for name in names):
        raise UserError(reasons.CHECKPOINT_INVALID, "The file is an exported program: set format to ExportedProgram.")
    if "data.pkl" not in names:
        raise UserError(
            reasons.CHECKPOINT_INVALID, f"The file is a zip archive without a state dict: {SAVE_STATE_DICT}."
        )


def _refuse_text(path: Path) -> None:
    with path.open("rb") as file:
        start = file.read(64)
    if start.startswith(b"version https://git-lfs"):
        raise UserError(reasons.CHECKPOINT_INVALID, "The file is a Git LFS pointer: upload the file that it points to.")
    if start.lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml")):
        raise UserError(
            reasons.CHECKPOINT_INVALID, "The file is a web page: the uri leads to a page instead of the file."
        )


def _refused(error: pickle.UnpicklingError) -> UserError:
    named = re.search(r"GLOBAL ([\w.]+)", str(error))
    if named is None:
        message = f"The checkpoint cannot be read ({_cause(error)}): {SAVE_STATE_DICT}, and upload the whole file."
        return UserError(reasons.CHECKPOINT_INVALID, message)
    message = (
        f"The file is a pickle that would run code on loading ({named.group(1)}), which is refused: {SAVE_STATE_DICT}."
    )
    return UserError(reasons.UNSAFE_PICKLE, message)


def _cause(error: Exception) -> str:
    cause = error.__cause__ or error.__context__
    return first_line(cause) if cause else first_line(error)
