"""Example 03 as it stands, on files: a student and pruned models of the digit CNN, through the command line."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from support.optimizer_jobs import was_timed
from support.real_models import mnist

from slipway_contract.manifest import MANIFEST_FILE, Candidate, Manifest

# So many that a busy machine does not let the Job end before it hears that it has to.
MANY_EPOCHS = 60


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What example 03 uploads, with the teacher that example 02 trains."""
    folder = tmp_path_factory.mktemp("digits")
    mnist.prepare(folder)
    return folder


def write_example(files: Path, folder: Path, **optimize: Any) -> Path:
    document = mnist.example(files)
    document["spec"]["optimize"] |= optimize
    path = folder / "modeldeployment.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


def start(spec: Path, store: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "slipway_optimizer", "--spec", str(spec), "--out", str(store)]
    environment = {**os.environ, "SLIPWAY_TERMINATION_LOG": str(store.with_name("termination-log"))}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def finish(job: subprocess.Popen[str]) -> list[dict[str, Any]]:
    out, err = job.communicate(timeout=900)
    assert job.returncode == 0, err
    return [json.loads(line) for line in out.splitlines()]


def manifest_in(store: Path) -> Manifest:
    """Of the only thing that a finished Job leaves in the store."""
    (folder,) = store.iterdir()
    return Manifest.model_validate_json((folder / MANIFEST_FILE).read_bytes())


@pytest.fixture(scope="module")
def manifest(files: Path, tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    folder = tmp_path_factory.mktemp("whole")
    finish(start(write_example(files, folder, quantize={"mode": "None"}), folder / "store"))
    return manifest_in(folder / "store")


def plain(manifest: Manifest, derivation: str) -> Candidate:
    return next(one for one in manifest.candidates if (one.derivation, one.variant) == (derivation, "FP32"))


def test_the_student_has_a_tenth_of_the_parameters_within_half_a_point(manifest: Manifest) -> None:
    student = plain(manifest, "Distilled")
    assert student.details["parametersAfter"] * 10 <= student.details["parametersBefore"]
    assert student.drop is not None
    assert student.drop <= 0.005, student.reason


def test_the_pruned_student_learned_from_the_original_too(manifest: Manifest) -> None:
    student, pruned = plain(manifest, "Distilled"), plain(manifest, "DistilledPruned")
    assert pruned.details["fineTune"]["learnedFrom"] == "the original's answers and labels"
    assert pruned.details["parametersBefore"] == student.details["parametersAfter"]
    assert pruned.details["multiplyAddsAfter"] < pruned.details["multiplyAddsBefore"] / 1.5
    assert pruned.drop is not None
    assert pruned.drop <= 0.005, pruned.reason


def test_the_pruned_model_is_smaller_and_was_timed(manifest: Manifest) -> None:
    """How much faster it is, `make bench-optimizer` says: a machine that others use, too, fails no test here."""
    pruned = plain(manifest, "Pruned")
    assert was_timed(pruned)
    assert pruned.details["multiplyAddsAfter"] < pruned.details["multiplyAddsBefore"] / 1.5
    assert pruned.size_bytes is not None
    assert pruned.size_bytes < (plain(manifest, "Original").size_bytes or 0) / 2


def test_every_derived_model_is_judged_and_one_is_served(manifest: Manifest) -> None:
    derivations = [candidate.derivation for candidate in manifest.candidates]
    assert derivations == ["Original", "Pruned", "Distilled", "DistilledPruned"]
    assert all(candidate.score is not None and candidate.reason for candidate in manifest.candidates)
    assert manifest.chosen.derivation == manifest.derivation


@pytest.fixture
def interrupted(files: Path, tmp_path: Path) -> tuple[Path, Path]:
    """A Job on some of the rows that was told to end after its third epoch of many, and its store."""
    few = tmp_path / "few"
    shutil.copytree(files, few)
    rows = np.load(few / "moved.npz")
    np.savez(few / "moved.npz", **{name: rows[name][:400] for name in rows})
    distill = mnist.example(few)["spec"]["optimize"]["distill"] | {"epochs": MANY_EPOCHS, "patience": MANY_EPOCHS}
    spec = write_example(few, tmp_path, prune=None, distill=distill, quantize={"mode": "None"})
    store = tmp_path / "store"
    job = start(spec, store)
    assert job.stdout is not None
    for line in job.stdout:
        if "Training the student: epoch 3 of" in line:
            break
    job.send_signal(signal.SIGTERM)
    _, err = job.communicate(timeout=900)
    assert job.returncode == 75, err
    return spec, store


def test_an_evicted_job_goes_on_after_its_last_epoch(interrupted: tuple[Path, Path]) -> None:
    spec, store = interrupted
    (left,) = store.iterdir()
    assert left.name.endswith(".checkpoint")
    assert [path.name for path in left.iterdir()] == ["distill.pt"]
    before = torch.load(left / "distill.pt", weights_only=True)["state"]["losses"]
    said = finish(start(spec, store))
    epochs = [line["message"] for line in said if line["event"] == "progress" and "epoch" in line["message"]]
    assert not any("epoch 1 of" in message or "epoch 2 of" in message for message in epochs)
    after = plain(manifest_in(store), "Distilled").details["losses"]
    assert after[: len(before)] == [round(loss, 6) for loss, _ in before]
    assert len(after) > len(before) >= 2
