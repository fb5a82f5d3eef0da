"""In-process Jobs import models from temporary folders and set PyTorch's threads: neither outlives its test."""

import importlib
import sys
from collections.abc import Iterator

import pytest

from slipway_optimizer.environment import let_waiting_threads_sleep

# As the command does, before any test imports PyTorch.
let_waiting_threads_sleep()


@pytest.fixture(autouse=True)
def own_import_state(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    for name in ("tiny_models", "own_net", "own_metric", "similarity", "broken", "needs_more"):
        sys.modules.pop(name, None)
    importlib.invalidate_caches()
