"""An exported program is an archive with pickles in it; PyTorch's own loader falls back to running them."""

import io
import os
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from support.optimizer import model_spec
from support.optimizer_jobs import build
from support.programs import save_program

from slipway_optimizer.errors import UserError
from slipway_optimizer.formats.exported_program import load_program

SPEC = model_spec({"image": ("float32", [1, 1, 8, 8])}, ["logits"])


class Hostile:
    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.witness}",)


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    return save_program(build("Cnn"), tmp_path_factory.mktemp("program") / "net.pt2", torch.zeros(1, 1, 8, 8))


def members(program):
    with zipfile.ZipFile(program) as archive:
        return archive.namelist()


def test_no_member_of_the_archive_can_run_code(program, tmp_path):
    witness = tmp_path / "witness"
    buffer = io.BytesIO()
    torch.save(Hostile(witness), buffer)
    accepted = []
    for number, target in enumerate(members(program)):
        hostile = tmp_path / f"{number}.pt2"
        with zipfile.ZipFile(program) as source, zipfile.ZipFile(hostile, "w", zipfile.ZIP_STORED) as copy:
            for name in source.namelist():
                copy.writestr(name, buffer.getvalue() if name == target else source.read(name))
        with suppress(UserError):
            load_program(hostile, SPEC)
            accepted.append(target)
        assert not witness.exists(), target
    assert not [name for name in accepted if name.endswith((".pt", ".json"))]
    assert "TORCH_FORCE_WEIGHTS_ONLY_LOAD" not in os.environ
