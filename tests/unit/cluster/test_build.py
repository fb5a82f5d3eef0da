"""A program is built again exactly when something that decides its content changed; an image says what is in it."""

import gzip
import io
import json
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest
from slipway_cluster.addon_images import oci_archive
from slipway_cluster.build import build_digest
from slipway_cluster.paths import GO_MODULES
from slipway_cluster.programs import KUBERNETES_VERSION, MODULES, GoModule

MODULE = GoModule("tool", {"tool": "."})


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    folder = tmp_path / "tool"
    folder.mkdir()
    (folder / "go.mod").write_text("module tool\n")
    (folder / "go.sum").write_text("a sum\n")
    return tmp_path


def test_the_same_sources_need_no_second_build(modules: Path) -> None:
    assert build_digest(MODULE, "go1.26", modules) == build_digest(MODULE, "go1.26", modules)


@pytest.mark.parametrize("file", ["go.mod", "go.sum", "main.go"])
def test_a_changed_source_needs_one(modules: Path, file: str) -> None:
    before = build_digest(MODULE, "go1.26", modules)

    (modules / "tool" / file).write_text("changed\n")

    assert build_digest(MODULE, "go1.26", modules) != before


def test_other_flags_and_another_toolchain_need_one(modules: Path) -> None:
    digests = {
        build_digest(MODULE, "go1.26", modules),
        build_digest(MODULE, "go1.27", modules),
        build_digest(replace(MODULE, tags="seccomp"), "go1.26", modules),
        build_digest(replace(MODULE, ldflags=""), "go1.26", modules),
    }

    assert len(digests) == 4


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_each_program_has_a_module_that_names_it(module: GoModule) -> None:
    go_mod = (GO_MODULES / module.name / "go.mod").read_text()

    for package in module.binaries.values():
        assert package == "." or package in go_mod


def test_the_version_in_the_binaries_is_the_one_that_is_built() -> None:
    assert f"k8s.io/kubernetes {KUBERNETES_VERSION}" in (GO_MODULES / "kubernetes/go.mod").read_text()


def test_an_image_archive_holds_what_its_index_names() -> None:
    with tarfile.open(fileobj=io.BytesIO(oci_archive("registry.test/tool:1", b"a layer", ["/tool"]))) as archive:
        files = {member.name: archive.extractfile(member) for member in archive.getmembers()}
        blobs = {name.rpartition("/")[2]: file.read() for name, file in files.items() if file}

    def blob(descriptor: dict[str, str]) -> bytes:
        return blobs[descriptor["digest"].removeprefix("sha256:")]

    (described,) = json.loads(blobs["index.json"])["manifests"]
    manifest = json.loads(blob(described))
    (layer,) = manifest["layers"]

    assert described["annotations"] == {"io.containerd.image.name": "registry.test/tool:1"}
    assert json.loads(blob(manifest["config"]))["config"]["Entrypoint"] == ["/tool"]
    assert gzip.decompress(blob(layer)) == b"a layer"
