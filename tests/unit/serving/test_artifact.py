import json
from pathlib import Path
from typing import Any

import pytest
from support.artifacts import build_mlp, write_artifact

from slipway_contract.digest import sha256_of_file
from slipway_contract.manifest import Manifest
from slipway_serving.artifact import open_artifact
from slipway_serving.errors import StartupError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_artifact(tmp_path / "artifact", build_mlp(), extra_files={"labels/en.txt": b"cat\ndog\n"})
    return tmp_path / "artifact"


def refusal(folder: Path) -> str:
    with pytest.raises(StartupError) as error:
        open_artifact(folder)
    return str(error.value)


def edit_manifest(folder: Path, **changes: Any) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_whole_artifact_is_opened_and_known_by_its_manifests_digest(folder: Path) -> None:
    artifact = open_artifact(folder)
    assert artifact.digest == sha256_of_file(folder / "manifest.json")
    assert artifact.model_path == folder / "model.onnx"
    assert [entry.path for entry in artifact.manifest.files] == ["model.onnx", "labels/en.txt"]


def test_no_manifest(tmp_path: Path) -> None:
    assert refusal(tmp_path / "nowhere") == f"no artifact at {tmp_path}/nowhere: manifest.json is missing"


def test_a_changed_file_is_named(folder: Path) -> None:
    labels = folder / "labels" / "en.txt"
    labels.write_bytes(b"cat\ndoG\n")
    expected = open_manifest(folder).files[1].sha256
    assert refusal(folder) == f"labels/en.txt has digest {sha256_of_file(labels)}, but the manifest says {expected}"


def open_manifest(folder: Path) -> Manifest:
    return Manifest.model_validate_json((folder / "manifest.json").read_bytes())


def test_a_truncated_file_is_named_with_its_size(folder: Path) -> None:
    (folder / "labels" / "en.txt").write_bytes(b"cat\n")
    assert refusal(folder) == "labels/en.txt has 4 bytes, but the manifest says 8"


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "model.onnx").unlink()
    assert refusal(folder) == "model.onnx is missing from the artifact"


def test_a_file_that_nobody_vouches_for_is_refused(folder: Path) -> None:
    (folder / "labels" / "weights.bin").write_bytes(b"?")
    assert refusal(folder) == "labels/weights.bin is in the artifact's folder, but not in its manifest"


@pytest.mark.parametrize("name", ["model.onnx", "more"])
def test_symbolic_links_are_refused(folder: Path, tmp_path: Path, name: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    (folder / "model.onnx").rename(elsewhere)
    (folder / name).symlink_to(elsewhere)
    assert refusal(folder) == f"{name} is a symbolic link, and an artifact has none"


@pytest.mark.parametrize("path", ["../model.onnx", "/etc/passwd", "a/../../b", "", "manifest.json", "a\\b"])
def test_paths_that_leave_the_folder_are_refused(folder: Path, path: str) -> None:
    entry = {"path": path, "sha256": "sha256:" + "0" * 64, "sizeBytes": 1}
    edit_manifest(folder, files=[entry])
    assert refusal(folder) == f"manifest.json lists {path!r}, which is not a path inside the artifact"


def test_a_manifest_without_a_model(folder: Path) -> None:
    edit_manifest(folder, files=[])
    assert refusal(folder) == "manifest.json lists no model.onnx"


def test_an_unknown_schema_version_says_what_to_do(folder: Path) -> None:
    edit_manifest(folder, schemaVersion=2)
    assert refusal(folder) == (
        "manifest.json has schemaVersion 2, but this runtime reads 1: "
        "serve it with the runtime image that belongs to its optimizer"
    )


@pytest.mark.parametrize("text", ["", "[]", "{}", "not json"])
def test_what_is_no_manifest(folder: Path, text: str) -> None:
    (folder / "manifest.json").write_text(text)
    assert refusal(folder) == "manifest.json is not a manifest: no JSON object with a schemaVersion"


def test_an_invalid_manifest_names_the_field(folder: Path) -> None:
    edit_manifest(folder, recipeDigest="md5:1")
    assert refusal(folder).startswith("manifest.json is not valid: recipeDigest: ")


def test_a_field_of_a_later_version_is_ignored(folder: Path) -> None:
    edit_manifest(folder, license="Apache-2.0")
    assert open_artifact(folder).manifest.model == "mlp"
