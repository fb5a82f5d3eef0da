"""A server becomes ready only with the right bytes and the right answer; else it ends and says why."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from support.artifacts import build_mlp, write_artifact, write_manifest
from support.serving import SECONDS_TO_START, ServingProcess, serving
from support.waiting import wait_until

from slipway_contract.digest import sha256_of_file
from slipway_contract.manifest import Manifest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_artifact(tmp_path / "artifact", build_mlp())
    return tmp_path / "artifact"


def end_of(folder: Path, log: Path, **environment: str) -> tuple[int, str, str]:
    """Exit code, stderr and termination message of a server that cannot start."""
    message = log.with_name("termination-log")
    with ServingProcess(folder, log, {"SLIPWAY_TERMINATION_LOG": str(message), **environment}) as server:
        code = server.process.wait(timeout=SECONDS_TO_START)
        assert not any(line["message"] == "ready" for line in server.log_lines)
        return code, server.stderr, message.read_text()


def test_it_is_ready_after_the_golden_request_and_says_so(mlp_folder: Path, log: Path) -> None:
    with ServingProcess(mlp_folder, log) as server:
        url = server.wait_ready()
        assert httpx.get(f"{url}/v2/health/live").status_code == 200
        assert httpx.get(f"{url}/v2/health/ready").status_code == 200
        assert httpx.get(f"{url}/v1/status").json()["artifactDigest"] == sha256_of_file(mlp_folder / "manifest.json")
        assert server.logged("ready")["goldenMaxAbsDiff"] == 0.0
        assert server.logged("ready")["batchMaxSize"] == 1
        assert server.grpc_target.startswith("127.0.0.1:")
        assert server.stop() == 0
        messages = [line["message"] for line in server.log_lines]
        assert messages == ["listening", "ready", "listening for gRPC", "draining", "stopped"]
        assert server.stderr == ""


def test_it_lives_before_it_is_ready(sluggish_folder: Path, log: Path) -> None:
    with ServingProcess(sluggish_folder, log) as server:
        assert httpx.get(f"{server.url}/v2/health/live").status_code == 200
        assert httpx.get(f"{server.url}/v2/health/ready").status_code == 503
        wait_until(lambda: httpx.get(f"{server.url}/v2/health/ready").status_code == 200)


def test_a_wrong_golden_answer_ends_it(folder: Path, log: Path) -> None:
    manifest = Manifest.model_validate_json((folder / "manifest.json").read_bytes())
    output = manifest.golden.outputs[0]
    wrong = output.model_copy(update={"data": [output.data[0] + 1.0, *output.data[1:]]})
    golden = manifest.golden.model_copy(update={"outputs": [wrong]})
    write_manifest(folder, manifest.model_copy(update={"golden": golden}))
    code, stderr, message = end_of(folder, log)
    assert code == 1
    assert message.startswith(
        "the golden request's output 'logits' differs from the expected answer by up to 1 in 1 of 20"
    )
    assert stderr == message + "\n"


def test_a_corrupted_file_ends_it_and_is_named(folder: Path, log: Path) -> None:
    model = folder / "model.onnx"
    content = bytearray(model.read_bytes())
    content[len(content) // 2] ^= 1
    model.write_bytes(content)
    code, stderr, message = end_of(folder, log)
    assert code == 1
    assert message.startswith("model.onnx has digest sha256:")
    assert stderr == message + "\n"


def test_bytes_that_are_no_model_end_it(folder: Path, log: Path) -> None:
    (folder / "model.onnx").write_bytes(b"no model")
    manifest = Manifest.model_validate_json((folder / "manifest.json").read_bytes())
    entry = manifest.files[0].model_copy(update={"sha256": sha256_of_file(folder / "model.onnx"), "size_bytes": 8})
    write_manifest(folder, manifest.model_copy(update={"files": [entry]}))
    code, _, message = end_of(folder, log)
    assert code == 1
    assert message.startswith("ONNX Runtime cannot load model.onnx: ")


def test_another_model_than_the_manifest_describes_ends_it(folder: Path, log: Path) -> None:
    manifest = Manifest.model_validate_json((folder / "manifest.json").read_bytes())
    renamed = [spec.model_copy(update={"name": "image"}) for spec in manifest.inputs]
    write_manifest(folder, manifest.model_copy(update={"inputs": renamed}))
    code, _, message = end_of(folder, log)
    assert (code, message) == (1, "the manifest's inputs are ['image'], but the model's are ['x']")


def test_no_artifact_at_all_ends_it(tmp_path: Path, log: Path) -> None:
    code, _, message = end_of(tmp_path / "nowhere", log)
    assert (code, message) == (1, f"no artifact at {tmp_path}/nowhere: manifest.json is missing")


def test_a_bad_setting_ends_it(mlp_folder: Path, log: Path) -> None:
    code, _, message = end_of(mlp_folder, log, SLIPWAY_BATCH_MAX_DELAY="2")
    assert (code, message) == (1, "SLIPWAY_BATCH_MAX_DELAY must be a duration such as 2ms or 3s, not '2'")


def test_a_port_that_is_taken_ends_it(mlp_folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "slipway_serving", "--artifact", str(mlp_folder), "--host", "127.0.0.1"]
        ended = subprocess.run(
            [*command, "--port", str(port), "--grpc-port", "-1"],
            capture_output=True,
            text=True,
            check=False,
            env=os.environ,
            timeout=60,
        )
    assert ended.returncode == 1
    assert ended.stderr == f"cannot listen on 127.0.0.1:{port}: Address already in use\n"


def test_a_port_for_grpc_that_is_taken_ends_it_too(mlp_folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "slipway_serving", "--artifact", str(mlp_folder), "--host", "127.0.0.1"]
        ended = subprocess.run(
            [*command, "--port", "0", "--grpc-port", str(port)],
            capture_output=True,
            text=True,
            check=False,
            env=os.environ,
            timeout=60,
        )
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].startswith(f"cannot listen on 127.0.0.1:{port} for gRPC")


def test_without_a_port_for_grpc_none_is_opened_and_none_of_it_loaded(mlp_folder: Path, log: Path) -> None:
    with ServingProcess(mlp_folder, log, grpc_port=-1) as server:
        server.wait_ready()
        loaded = Path(f"/proc/{server.process.pid}/maps").read_text()
        assert "cygrpc" not in loaded
        assert server.stop() == 0
        assert [line["message"] for line in server.log_lines] == ["listening", "ready", "draining", "stopped"]


def test_the_environment_names_the_model(mlp_folder: Path, log: Path) -> None:
    with serving(mlp_folder, log, SLIPWAY_MODEL_NAME="digits") as url:
        assert httpx.get(f"{url}/v2/models/digits/ready").status_code == 200
