"""Every manifest that was ever written must parse for ever: stores outlive versions."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from slipway_contract.manifest import FileEntry, Manifest

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.json")), ids=lambda path: path.stem)
def test_old_manifests_parse(path):
    manifest = Manifest.model_validate_json(path.read_bytes())
    assert manifest.chosen.variant == manifest.variant
    assert manifest.baseline.variant == "FP32"
    assert {entry.path for entry in manifest.files} >= {"model.onnx"}
    assert [tensor.name for tensor in manifest.golden.outputs] == [tensor.name for tensor in manifest.outputs]


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.json")), ids=lambda path: path.stem)
def test_a_manifest_survives_a_round_trip(path):
    manifest = Manifest.model_validate_json(path.read_bytes())
    assert Manifest.model_validate_json(manifest.to_bytes()) == manifest


def test_fields_of_a_later_version_are_ignored():
    body = json.loads((GOLDEN / "v1-minimal.json").read_text())
    body["sparsity"] = {"global": 0.2}
    body["candidates"][0]["energyJoules"] = 1
    assert Manifest.model_validate(body).variant == "FP32"


def test_another_schema_version_is_refused():
    body = json.loads((GOLDEN / "v1-minimal.json").read_text())
    with pytest.raises(ValidationError):
        Manifest.model_validate({**body, "schemaVersion": 2})


def test_a_file_lies_under_its_path_unless_the_store_names_objects_by_content():
    entry = FileEntry(path="model.onnx", sha256="sha256:" + "a" * 64, size_bytes=1)
    assert entry.stored_as == "model.onnx"
    assert entry.model_copy(update={"object_key": "aaaa/model.onnx"}).stored_as == "aaaa/model.onnx"
