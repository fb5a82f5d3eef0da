"""StateDict: `torch.save(model.state_dict(), …)`, zip or legacy pickle, never with code in it."""

import pickle
import re
import warnings
import zipfile
from pathlib import Path
from typing import Any

import torch

from slipway_optimizer import reasons
from slipway_optimizer.errors import UserError, first_line
from slipway_optimizer.formats.nested import SAVE_STATE_DICT


def read_checkpoint(path: Path) -> Any:
    """Read what torch.save wrote without running anything that the file holds, mapped where that is possible.

    Raises:
        UserError: the file holds code, or is damaged.
    """
    try:
        with warnings.catch_warnings():
            # Such as an unusual pickle protocol: either it can be read, or it is an error.
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except pickle.UnpicklingError as error:
        raise _refused(error) from error
    except MemoryError as error:
        message = "The checkpoint announces a tensor that is larger than memory: it is damaged, upload it again."
        raise UserError(reasons.CHECKPOINT_INVALID, message) from error
    except Exception as error:
        # A damaged file fails in about any way there is.
        message = f"The checkpoint cannot be read ({first_line(error)}): {SAVE_STATE_DICT}, and upload the whole file."
        raise UserError(reasons.CHECKPOINT_INVALID, message) from error


def unsafe_pickle(name: str) -> UserError:
    """The refusal of a pickle that would import something and call it."""
    message = f"The file is a pickle that would run code on loading ({name}), which is refused: {SAVE_STATE_DICT}."
    return UserError(reasons.UNSAFE_PICKLE, message)


def _refused(error: pickle.UnpicklingError) -> UserError:
    named = re.search(r"GLOBAL ([\w.]+)|class ([\w.]+)", str(error))
    if named is not None:
        return unsafe_pickle(named.group(1) or named.group(2))
    message = f"The checkpoint cannot be read ({_cause(error)}): {SAVE_STATE_DICT}, and upload the whole file."
    return UserError(reasons.CHECKPOINT_INVALID, message)


def _cause(error: Exception) -> str:
    cause = error.__cause__ or error.__context__
    return first_line(cause) if cause else first_line(error)
