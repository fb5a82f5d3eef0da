"""`python -m slipway_optimizer` as the operator starts it: ids of sources, the artifact's owner, old artifacts."""

import json
import os
import subprocess
import sys
import time

import pytest
from support.artifacts import build_mlp
from support.http_source import Answer, http_source
from support.optimizer import ends, write_artifact, write_spec

from slipway_contract.digest import hex_of
from slipway_contract.result import RESULT, Failed, Succeeded
from slipway_optimizer.stores import open_store

ENDS = ends({"x": ("float32", ["batch", 64])}, ["logits"])
OLD = "sha256:" + "1" * 64


@pytest.fixture(scope="module")
def server():
    with http_source() as source:
        yield source


def run_job(folder, *flags):
    """Run the command; returns the process, its result, and its progress."""
    environment = {**os.environ, "SLIPWAY_TERMINATION_LOG": str(folder / "termination-log"), "TMPDIR": str(folder)}
    argv = [sys.executable, "-m", "slipway_optimizer", "--spec", str(folder / "modeldeployment.yaml")]
    argv += ["--out", str(folder / "store"), *flags]
    done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=900, env=environment)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return done, RESULT.validate_json((folder / "termination-log").read_bytes()), lines


def resolved(tag):
    sources = [{"field": "model.source", "digest": f"etag:{tag}"}]
    return json.dumps({"result": "Resolved", "sources": sources})


def test_a_new_version_is_made_of_the_right_bytes_and_the_old_artifact_goes(server, tmp_path):
    store, owner = open_store(str(tmp_path / "store")), ["--owner", "models/net", "--keep"]
    store.publish(OLD, write_artifact(tmp_path / "finished", OLD), "models/net")
    os.utime(tmp_path / "store" / hex_of(OLD) / "owners/models.net", (time.time() - 3600,) * 2)
    url = server.answer("/net.onnx", Answer(body=build_mlp().SerializeToString(), etag='"v2"'))
    write_spec(tmp_path, {"source": {"uri": url}, "format": "ONNX", **ENDS}, {"quantize": {"mode": "None"}})

    changed, refused, _ = run_job(tmp_path, "--resolved", resolved("v1"), *owner)
    assert isinstance(refused, Failed)
    assert (changed.returncode, refused.exit_class, refused.reason) == (75, "infrastructure", "SourceChanged")
    assert store.find(OLD) is not None

    (tmp_path / "resolved.json").write_text(resolved("v2"))
    done, made, lines = run_job(tmp_path, "--resolved", str(tmp_path / "resolved.json"), *owner)
    assert isinstance(made, Succeeded), done.stderr
    assert [path.name for path in (tmp_path / "store").iterdir()] == [hex_of(made.recipe_digest)]
    assert "Removed 1 old artifact" in [line.get("message") for line in lines]

    _, reused, _ = run_job(tmp_path, *owner)
    assert isinstance(reused, Succeeded)
    assert reused.reused, "without ids the Job resolves by itself, and comes to the same recipe"
    assert reused.recipe_digest == made.recipe_digest


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--resolved", "{}"], "is no Resolved as JSON"),
        (["--resolved", "/no/such/file"], "nor a file with one"),
        (["--owner", "net"], "net is not NAMESPACE/NAME"),
        (["--keep", "sha256:short"], "is not sha256:HEX"),
    ],
)
def test_flags_that_make_no_sense(tmp_path, flags, said):
    argv = [sys.executable, "-m", "slipway_optimizer", "--spec", "spec.yaml", "--out", str(tmp_path), *flags]
    done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=900)
    assert done.returncode == 2
    assert said in done.stderr


@pytest.mark.parametrize(
    "query", ["X-Amz-Signature=hunter2&X-Amz-Expires=60", "sv=2026-01-01&sig=hunter2%3D", "hunter2"]
)
def test_what_opens_a_signed_url_is_written_nowhere(server, tmp_path, query):
    url = server.answer(f"/net.onnx?{query}", Answer(status=403), Answer(body=build_mlp().SerializeToString()))
    write_spec(tmp_path, {"source": {"uri": url}, "format": "ONNX", **ENDS}, {"quantize": {"mode": "None"}})
    (tmp_path / "modeldeployment.yaml").rename(tmp_path / "spec.yaml")
    flags = ["--recipe-digest", OLD, "--spec", str(tmp_path / "spec.yaml")]

    denied, refused, _ = run_job(tmp_path, *flags)
    assert isinstance(refused, Failed)
    assert refused.message.startswith(f"{url.partition('?')[0]}?… may not be read")
    done, made, _ = run_job(tmp_path, *flags)
    assert isinstance(made, Succeeded), done.stderr
    (tmp_path / "spec.yaml").unlink()
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    said = [text.encode() for run in (denied, done) for text in (run.stdout, run.stderr)]
    assert len(written) > 3
    assert not any(b"hunter2" in content for content in (*written, *said))
