"""PyTorch's settings for the whole process, which model packages have been seen to change on import."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def own_torch_globals(threads: int) -> Iterator[None]:
    """Whatever is imported and called inside, afterwards all is as the Job needs it.

    Args:
        threads: the CPUs to use; one package sets 1 for the whole process.
    """
    dtype, device = torch.get_default_dtype(), torch.get_default_device()
    precision = torch.get_float32_matmul_precision()
    deterministic, on_stop = torch.are_deterministic_algorithms_enabled(), signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.set_default_dtype(dtype)
        if torch.get_default_device() != device:
            torch.set_default_device(None)
        torch.set_float32_matmul_precision(precision)
        torch.use_deterministic_algorithms(deterministic)
        # There is no asking for these two; this is how PyTorch starts.
        torch.set_flush_denormal(False)
        torch.set_grad_enabled(True)
        if signal.getsignal(signal.SIGTERM) is not on_stop:
            signal.signal(signal.SIGTERM, on_stop)
