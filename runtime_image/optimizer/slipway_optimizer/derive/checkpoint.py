"""Checkpoints of a training: a Job that was evicted goes on after the last epoch, to the same weights."""

import pickle
from pathlib import Path
from typing import Any, Final

import torch

from slipway_optimizer.derive.training_state import TrainingState
from slipway_optimizer.errors import JobError, first_line
from slipway_optimizer.stores.checkpoints import Checkpoints

VERSION: Final = 1


class TrainingCheckpoint:
    """The state of one training in the store.

    Args:
        checkpoints: the recipe's.
        name: of this training among those of the recipe.
        key: digests of all that the training depends on; a checkpoint of anything else is not read.
        scratch: a folder on local disk.
    """

    def __init__(self, checkpoints: Checkpoints, name: str, key: str, scratch: Path) -> None:
        self._checkpoints = checkpoints
        self._name = f"{name}.pt"
        self._key = key
        self._file = scratch / f"{name}.checkpoint"
        self.trouble: str | None = None

    def restore(self, call: torch.nn.Module, optimizer: torch.optim.Optimizer) -> TrainingState:
        """Where the training was, put into the model and its optimizer; the beginning, where nothing fits."""
        saved = self._read()
        if saved is None or saved.get("version") != VERSION or saved.get("key") != self._key:
            return TrainingState()
        state = TrainingState.from_saved(saved["state"])
        call.load_state_dict(state.weights)
        optimizer.load_state_dict(state.optimizer)
        return state

    def save(self, state: TrainingState) -> None:
        """Replace the checkpoint. A store that does not take it does not end the training: `trouble` says why."""
        try:
            torch.save({"version": VERSION, "key": self._key, "state": state.as_saved()}, self._file)
            self._checkpoints.write(self._name, self._file)
            self.trouble = None
        except (JobError, OSError) as error:
            self.trouble = first_line(error)
        finally:
            self._file.unlink(missing_ok=True)

    def _read(self) -> dict[str, Any] | None:
        try:
            if not self._checkpoints.read(self._name, self._file):
                return None
            return dict(torch.load(self._file, map_location="cpu", weights_only=True))
        except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError, TypeError):
            # Not ours, or damaged: training begins anew.
            return None
        finally:
            self._file.unlink(missing_ok=True)
