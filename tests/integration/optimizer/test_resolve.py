"""`python -m slipway_optimizer.resolve` as a process: ids in the termination message, and without PyTorch."""

import json
import os
import re
import subprocess
import sys

import pytest
from support.http_source import Answer, http_source, status
from support.optimizer import ends, write_spec

from slipway_contract.digest import sha256_of_bytes
from slipway_contract.result import RESOLUTION, Failed, Resolved

MODEL = {"source": {"uri": "https://unset"}, "format": "ONNX", **ends({"x": ("float32", [1])}, ["y"])}


@pytest.fixture(scope="module")
def server():
    with http_source() as source:
        yield source


def resolve(folder, model, optimize=None, *options):
    """Run the command; returns the process and its result."""
    environment = {**os.environ, "SLIPWAY_TERMINATION_LOG": str(folder / "termination-log"), "TMPDIR": str(folder)}
    spec = write_spec(folder, {**MODEL, **model}, optimize)
    argv = [sys.executable, *options, "-m", "slipway_optimizer.resolve", "--spec", str(spec)]
    done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=900, env=environment)
    result = RESOLUTION.validate_json((folder / "termination-log").read_bytes())
    return done, result


def test_every_source_of_the_spec_is_resolved(server, s3, tmp_path, monkeypatch):
    for key, value in s3.environment.items():
        monkeypatch.setenv(key, value)
    (tmp_path / "net.onnx").write_bytes(b"a model")
    (tmp_path / "code.py").write_text("")
    code = {"uri": f"hf://org/code@{'c' * 40}/code.py"}
    data = {"uri": server.answer("/held-out.npz", Answer(body=b"rows", etag='"v7"'))}
    source = {"uri": s3.upload(tmp_path / "net.onnx", "resolve/net.onnx")}
    calibration = {"uri": "https://host/pinned.npz", "sha256": "A" * 64}
    optimize = {"evaluate": {"data": data}, "quantize": {"mode": "Auto", "calibration": {"data": calibration}}}
    model = {"source": source, "code": code, "format": "StateDict", "factory": "code:Net"}
    done, found = resolve(tmp_path, model, optimize)
    assert done.returncode == 0, done.stderr
    assert isinstance(found, Resolved)
    ids = found.by_field
    assert re.fullmatch(r"etag:[0-9a-f]{32}(-\d+)?", ids.pop("model.source"))
    assert ids == {
        "model.code": f"commit:{'c' * 40}",
        "optimize.evaluate.data": "etag:v7",
        "optimize.quantize.calibration.data": f"sha256:{'a' * 64}",
    }
    assert json.loads(done.stdout.splitlines()[-1]) == {"event": "result", **json.loads(found.model_dump_json())}


def test_it_imports_no_pytorch_and_only_the_driver_that_it_needs(server, tmp_path):
    url = server.answer("/net.onnx", Answer(body=b"a model", etag='"v1"'))
    done, _ = resolve(tmp_path, {"source": {"uri": url}}, None, "-X", "importtime")
    imported = {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in done.stderr.splitlines()}
    assert "requests" in imported
    assert not imported & {"torch", "onnx", "onnxruntime", "numpy", "fsspec", "huggingface_hub", "oras", "aiohttp"}


def test_bytes_with_no_id_of_their_own_are_read(tmp_path):
    (tmp_path / "net.onnx").write_bytes(b"a model")
    _, found = resolve(tmp_path, {"source": {"uri": (tmp_path / "net.onnx").as_uri()}})
    assert isinstance(found, Resolved)
    assert found.by_field == {"model.source": sha256_of_bytes(b"a model")}


@pytest.mark.parametrize(
    ("answer", "code", "exit_class", "reason"),
    [(status(404), 64, "user", "SourceNotFound"), (status(403), 64, "user", "SourceAccessDenied")],
)
def test_a_source_that_cannot_be_read(server, tmp_path, answer, code, exit_class, reason):
    url = server.answer(f"/{reason}", answer)
    done, found = resolve(tmp_path, {"source": {"uri": url}})
    assert isinstance(found, Failed)
    assert (done.returncode, found.exit_class, found.reason) == (code, exit_class, reason)
    assert url in found.message
