"""Importing a model's package changes nothing for the rest of the Job: the seventh silent failure."""

import importlib
import signal
import sys

import pytest
import torch

from slipway_optimizer.torch_globals import own_torch_globals

RUDE = """
import signal, torch
torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)
torch.set_default_device("meta")
torch.set_float32_matmul_precision("medium")
torch.use_deterministic_algorithms(True)
torch.set_flush_denormal(True)
torch.set_grad_enabled(False)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
"""


@pytest.fixture
def rude_package(tmp_path, monkeypatch):
    (tmp_path / "rude_package.py").write_text(RUDE)
    monkeypatch.syspath_prepend(tmp_path)
    threads = torch.get_num_threads()
    yield "rude_package"
    sys.modules.pop("rude_package", None)
    torch.set_num_threads(threads)


def test_a_package_that_sets_pytorch_up_for_itself(rude_package):
    on_stop = signal.getsignal(signal.SIGTERM)
    with own_torch_globals(threads=2):
        importlib.import_module(rude_package)
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2
    made = torch.ones(1)
    assert (made.dtype, made.device.type) == (torch.float32, "cpu")
    assert torch.get_float32_matmul_precision() == "highest"
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.is_grad_enabled()
    assert torch.tensor([1e-310], dtype=torch.float64).mul(1).item() > 0
    assert signal.getsignal(signal.SIGTERM) is on_stop


def test_a_package_that_fails_on_import_leaves_nothing_behind(rude_package, tmp_path):
    (tmp_path / "rude_package.py").write_text(RUDE + "raise ValueError('rude')\n")
    with pytest.raises(ValueError, match="rude"), own_torch_globals(threads=2):
        importlib.import_module(rude_package)
    assert torch.ones(1).dtype == torch.float32
