"""The init container: from a directory or a real S3 server to a folder that can be served, or a sentence why not."""

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.local import LocalFileSystem
from support.artifacts import build_mlp, write_artifact, write_manifest
from support.http_server import Quiet, http_server
from support.s3 import BUCKET, ObjectStore, object_store

from slipway_contract.digest import sha256_of_bytes, sha256_of_file
from slipway_contract.manifest import Manifest
from slipway_serving import fetch
from slipway_serving.artifact import open_artifact
from slipway_serving.errors import StartupError

PREFIX = "artifacts/" + "ab" * 32


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_artifact(tmp_path / "store" / "abc", build_mlp(), extra_files={"labels/en.txt": b"cat\ndog\n"})
    return tmp_path / "store" / "abc"


@pytest.fixture
def digest(folder: Path) -> str:
    return sha256_of_file(folder / "manifest.json")


@pytest.fixture
def to(tmp_path: Path) -> Path:
    return tmp_path / "artifact"


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    with object_store(tmp_path_factory.mktemp("s3") / "objects") as store:
        yield store


@pytest.fixture
def secrets(s3: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of mounted Secrets; `store` in it grants access to the S3 server."""
    root = tmp_path / "secrets"
    s3.write_secret(root / "store")
    monkeypatch.setenv("SLIPWAY_SECRETS_DIR", str(root))
    for name in s3.environment:
        monkeypatch.delenv(name, raising=False)
    return root


@pytest.fixture
def uri(s3: ObjectStore, folder: Path, secrets: Path) -> str:
    """The artifact as the optimizer puts it into a bucket: files under names that hold their digest."""
    assert secrets.is_dir()
    manifest = Manifest.model_validate_json((folder / "manifest.json").read_bytes())
    files = [entry.model_copy(update={"object_key": f"{entry.sha256[7:23]}/{entry.path}"}) for entry in manifest.files]
    write_manifest(folder, manifest.model_copy(update={"files": files}))
    for entry in files:
        s3.upload(folder / entry.path, f"{PREFIX}/{entry.stored_as}")
    s3.upload(folder / "manifest.json", f"{PREFIX}/manifest.json")
    return f"s3://{BUCKET}/{PREFIX}"


def refusal(uri: str, digest: str, to: Path) -> str:
    with pytest.raises(StartupError) as error:
        fetch.fetch(uri, digest, to)
    assert not (to / "manifest.json").exists()
    return str(error.value)


def test_a_directory_is_copied_and_can_be_served(folder: Path, digest: str, to: Path) -> None:
    copied = fetch.fetch(str(folder), digest, to)
    assert copied == (folder / "model.onnx").stat().st_size + 8
    assert open_artifact(to).digest == digest
    assert (to / "labels" / "en.txt").read_bytes() == b"cat\ndog\n"


def test_a_file_uri_is_a_directory_too(folder: Path, digest: str, to: Path) -> None:
    fetch.fetch(f"file://{folder}", digest, to)
    assert open_artifact(to).digest == digest


def test_what_is_there_already_is_not_copied_again(folder: Path, digest: str, to: Path) -> None:
    fetch.fetch(str(folder), digest, to)
    assert fetch.fetch(str(folder), digest, to) == 0


def test_after_a_killed_run_only_what_is_missing_or_broken_is_copied(folder: Path, digest: str, to: Path) -> None:
    fetch.fetch(str(folder), digest, to)
    (to / "labels" / "en.txt").write_bytes(b"cat")
    (to / "manifest.json").unlink()
    (to / ".partial").write_bytes(b"half a file")
    assert fetch.fetch(str(folder), digest, to) == 8
    assert open_artifact(to).digest == digest


def test_an_artifact_that_is_not_there(tmp_path: Path, digest: str, to: Path) -> None:
    assert refusal(f"{tmp_path}/nowhere", digest, to) == (
        f"{tmp_path}/nowhere/manifest.json does not exist: the artifact was removed from its store, or was never there"
    )


def test_a_file_that_is_not_there(folder: Path, digest: str, to: Path) -> None:
    (folder / "labels" / "en.txt").unlink()
    assert refusal(str(folder), digest, to).startswith(f"{folder}/labels/en.txt does not exist: ")


def test_another_manifest_than_the_expected_one(folder: Path, digest: str, to: Path) -> None:
    other = "sha256:" + "0" * 64
    assert refusal(str(folder), other, to) == (
        f"{folder}/manifest.json has digest {digest}, expected {other}: it was changed in the store"
    )


def test_a_file_that_was_changed(folder: Path, digest: str, to: Path) -> None:
    expected = sha256_of_file(folder / "labels" / "en.txt")
    (folder / "labels" / "en.txt").write_bytes(b"cat\ncow\n")
    assert refusal(str(folder), digest, to) == (
        f"labels/en.txt has digest {sha256_of_bytes(b'cat' + b'%ccow%c' % (10, 10))}, "
        f"expected {expected}: it was changed in the store"
    )
    assert not (to / "labels" / "en.txt").exists()


def test_a_file_that_is_shorter_in_the_store(folder: Path, digest: str, to: Path) -> None:
    (folder / "labels" / "en.txt").write_bytes(b"cat")
    assert refusal(str(folder), digest, to) == (
        "labels/en.txt has 3 bytes in the store, expected 8: it was changed in the store"
    )


def test_a_file_that_does_not_arrive_whole_is_read_again_and_named(
    folder: Path, digest: str, to: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []

    class Cut(LocalFileSystem):
        """Ends some files after three bytes, as a connection does that is closed without an error."""

        whole_from = 10**6

        def open(self, path: str, *arguments: Any, **named: Any) -> Any:
            file = super().open(path, *arguments, **named)
            if path.endswith("en.txt"):
                opened.append(path)
                if len(opened) < self.whole_from:
                    reads = iter([b"cat"])
                    file.read = lambda size: next(reads, b"")
            return file

    monkeypatch.setattr(fetch, "PAUSES_SECONDS", (0.0, 0.0))
    monkeypatch.setattr(fetch, "open_store", lambda uri: (Cut(skip_instance_cache=True), uri))
    assert refusal(str(folder), digest, to) == (
        f"{folder}/labels/en.txt could not be read in 3 attempts: 3 of the 8 bytes of labels/en.txt arrived"
    )
    opened.clear()
    monkeypatch.setattr(Cut, "whole_from", 2)
    fetch.fetch(str(folder), digest, to)
    assert open_artifact(to).digest == digest
    assert len(opened) == 2


def test_as_a_process_it_reports_and_leaves_its_last_words(folder: Path, digest: str, to: Path, tmp_path: Path) -> None:
    message = tmp_path / "termination-log"

    def run(expected: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "slipway_serving.fetch", "--uri", str(folder), "--to", str(to)]
        environment = {"SLIPWAY_TERMINATION_LOG": str(message)}
        return subprocess.run(
            [*command, "--digest", expected], env=environment, capture_output=True, text=True, check=False, timeout=60
        )

    failed = run("sha256:" + "0" * 64)
    assert failed.returncode == 1
    assert failed.stderr == message.read_text() + "\n"
    assert "has digest" in failed.stderr
    done = run(digest)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout.splitlines()[-1])["message"] == "fetched"
    assert open_artifact(to).digest == digest


def test_a_bucket_is_copied_with_credentials_from_the_mounted_secret(uri: str, folder: Path, to: Path) -> None:
    digest = sha256_of_file(folder / "manifest.json")
    fetch.fetch(uri, digest, to)
    assert open_artifact(to).digest == digest
    assert (to / "labels" / "en.txt").read_bytes() == b"cat\ndog\n"
    assert fetch.fetch(uri, digest, to) == 0


def test_a_large_file_of_a_bucket_is_streamed(s3: ObjectStore, tmp_path: Path, secrets: Path, to: Path) -> None:
    weights = bytes(range(256)) * (20 << 12)
    write_artifact(tmp_path / "large", build_mlp(), extra_files={"weights.bin": weights})
    assert secrets.is_dir()
    for name in ("model.onnx", "weights.bin", "manifest.json"):
        s3.upload(tmp_path / "large" / name, f"large/{name}")
    fetch.fetch(f"s3://{BUCKET}/large", sha256_of_file(tmp_path / "large" / "manifest.json"), to)
    assert hashlib.sha256((to / "weights.bin").read_bytes()).digest() == hashlib.sha256(weights).digest()


def test_credentials_of_the_environment_serve_where_there_is_no_secret(
    uri: str, folder: Path, to: Path, secrets: Path, s3: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(secrets)
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    fetch.fetch(uri, sha256_of_file(folder / "manifest.json"), to)


def test_wrong_credentials(uri: str, digest: str, to: Path, secrets: Path) -> None:
    (secrets / "store" / "AWS_SECRET_ACCESS_KEY").write_text("wrong")
    sentence = refusal(uri, digest, to)
    assert sentence.startswith(f"{uri}/manifest.json may not be read (")
    assert sentence.endswith("): check the credentials in the store's Secret")


def test_a_bucket_or_a_prefix_that_is_not_there(uri: str, digest: str, to: Path) -> None:
    assert "does not exist" in refusal(f"{uri}x", digest, to)
    assert "does not exist" in refusal("s3://nobody/abc", digest, to)


class _FlakyStore(Quiet, BaseHTTPRequestHandler):
    """An S3 server that is busy for as many requests as its class says."""

    failures = 0
    seen = 0
    body = b""

    def do_GET(self) -> None:
        cls = type(self)
        cls.seen += 1
        busy = cls.seen <= cls.failures
        self.send_response(HTTPStatus.SERVICE_UNAVAILABLE if busy else HTTPStatus.OK)
        self.send_header("content-length", str(0 if busy else len(self.body)))
        self.end_headers()
        if not busy and self.command == "GET":
            self.wfile.write(self.body)

    do_HEAD = do_GET  # noqa: N815 (the base class looks methods up by their HTTP names)


@pytest.fixture
def flaky(secrets: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[_FlakyStore]]:
    handler = type("Handler", (_FlakyStore,), {})
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setattr(fetch, "PAUSES_SECONDS", (0.01, 0.01))
    with http_server() as server:
        server.RequestHandlerClass = handler
        (secrets / "store" / "AWS_ENDPOINT_URL").write_text(f"http://127.0.0.1:{server.server_port}")
        yield handler


def test_a_store_that_is_busy_is_asked_again_but_not_for_ever(flaky: type[_FlakyStore], digest: str, to: Path) -> None:
    flaky.failures = 10**6
    assert "could not be read in 3 attempts" in refusal(f"s3://{BUCKET}/x", digest, to)
    asked = flaky.seen
    flaky.seen, flaky.failures, flaky.body = 0, asked - 1, b"{}"
    assert "is not a manifest" in refusal(f"s3://{BUCKET}/x", sha256_of_bytes(b"{}"), to)


def test_a_store_that_nobody_answers_for(secrets: Path, digest: str, to: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "PAUSES_SECONDS", (0.01,))
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    (secrets / "store" / "AWS_ENDPOINT_URL").write_text("http://127.0.0.1:1")
    assert "could not be read in 2 attempts" in refusal(f"s3://{BUCKET}/x", digest, to)
