"""Training changes nothing for the rest of the process: what is measured later runs as if there had been none."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def reproducible(seed: int) -> Iterator[None]:
    """Random numbers by seed and deterministic kernels inside; outside, all is as it was before.

    Factories and the packages that they import have been seen to set the number of threads and to turn gradients off:
    both are set back, too.
    """
    threads, gradients = torch.get_num_threads(), torch.is_grad_enabled()
    deterministic = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    python_state, numpy_state = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        seed_all(seed)
        torch.use_deterministic_algorithms(mode=True, warn_only=True)
        torch.set_grad_enabled(mode=True)
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)
            torch.set_grad_enabled(gradients)
            torch.set_num_threads(threads)
            random.setstate(python_state)
            np.random.set_state(numpy_state)


def seed_all(seed: int) -> None:
    """Seed every generator that a model may draw from."""
    torch.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed % 2**32)
