"""One spec gives one file, whichever process makes it: a digest that changes by itself would say nothing."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import onnx
import pytest
from support.optimizer import write_spec
from support.optimizer_jobs import weights_only

TESTS = Path(__file__).parents[2]
# Which form of the graph is served is a matter of speed, and no matter here.
JOB = """
import sys
from support.graph_forms import AS_EXPORTED, served_form
from slipway_optimizer.__main__ import main
with served_form(AS_EXPORTED):
    sys.exit(main())
"""
CNN: Any = ({"image": ("float32", ["batch", 1, 8, 8])}, ["logits"])
RECURRENT: Any = ({"x": ("float32", ["batch", "time", 4])}, ["y", "state"])


def served(folder: Path, spec: Path, seed: str) -> Path:
    """The model that a process with this seed for its hashes publishes."""
    folder.mkdir()
    own = {"PYTHONHASHSEED": seed, "TMPDIR": str(folder), "SLIPWAY_TERMINATION_LOG": str(folder / "log")}
    command = [sys.executable, "-c", JOB, "--spec", str(spec), "--out", str(folder / "store")]
    done = subprocess.run(
        command,
        env={**os.environ, **own, "PYTHONPATH": str(TESTS)},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (model,) = (folder / "store").glob("*/model.onnx")
    return model


@pytest.mark.parametrize(("name", "given"), [("Cnn", CNN), ("Recurrent", RECURRENT)])
def test_two_jobs_of_one_spec_give_the_same_bytes(tmp_path, name, given):
    spec = write_spec(tmp_path, weights_only(name, tmp_path, given), {"quantize": {"mode": "None"}})
    first, second = (served(tmp_path / seed, spec, seed) for seed in ("1", "2"))
    body = first.read_bytes()
    assert body == second.read_bytes()
    assert str(tmp_path).encode() not in body
    assert b".py" not in body
    onnx.checker.check_model(str(first), full_check=True)
