"""Where images go, and under which name a pod pulls them."""

import json
from collections.abc import Mapping
from pathlib import Path

import image_builders
import images
import pytest
from image_content import IMAGES
from images import Plan, Registry

STEP = Plan(IMAGES[0], "slipway/operator:0123456789ab", {}, Path())


class Recorded:
    """A builder that only notes what it is asked to push."""

    def __init__(self) -> None:
        self.pushed: list[tuple[str, str, bool]] = []

    def base(self, given: str) -> tuple[str, str]:
        return given, given

    def has(self, reference: str) -> bool:
        return True

    def build(self, reference: str, context: Path, dockerfile: str, arguments: Mapping[str, str]) -> None:
        raise AssertionError(f"{reference} is there already")

    def size(self, reference: str) -> str:
        return "1 MB"

    def push(self, reference: str, target: str, *, plain_http: bool) -> None:
        self.pushed.append((reference, target, plain_http))

    def forget_others(self, reference: str) -> None:
        raise AssertionError("not asked for")


def test_given_registry_wins(tmp_path: Path) -> None:
    (tmp_path / "registry.json").write_text(json.dumps({"push": "127.0.0.1:5000", "name": "registry.slipway.test"}))
    registry = images.find_registry("registry.example.com/someone/", tmp_path)
    assert registry == Registry("registry.example.com/someone", "registry.example.com/someone")
    assert not registry.is_bundled


def test_bundled_cluster_is_pushed_to_by_address_and_pulled_from_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "registry.json").write_text(json.dumps({"push": "127.0.0.1:5000", "name": "registry.slipway.test"}))
    monkeypatch.setattr(image_builders, "registry_has", lambda target: False)
    builder = Recorded()
    reference = images.push(STEP, builder, images.find_registry("", tmp_path), "[1/1]")
    assert builder.pushed == [(STEP.reference, f"127.0.0.1:5000/{STEP.reference}", True)]
    assert reference == f"registry.slipway.test/{STEP.reference}"


def test_what_the_bundled_registry_has_is_not_pushed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_builders, "registry_has", lambda target: True)
    builder = Recorded()
    images.push(STEP, builder, Registry("127.0.0.1:5000", "registry.slipway.test"), "[1/1]")
    assert builder.pushed == []


def test_another_registry_is_spoken_to_over_tls() -> None:
    builder = Recorded()
    reference = images.push(
        STEP, builder, Registry("registry.example.com/someone", "registry.example.com/someone"), "[1/1]"
    )
    assert builder.pushed == [(STEP.reference, reference, False)]


def test_without_a_registry_nothing_is_pushed(tmp_path: Path) -> None:
    builder = Recorded()
    assert images.push(STEP, builder, images.find_registry("", tmp_path), "[1/1]") == STEP.reference
    assert builder.pushed == []


def test_unchanged_image_is_not_built(capsys: pytest.CaptureFixture[str]) -> None:
    images.build(STEP, Recorded(), "[1/3]")
    assert capsys.readouterr().out == f"images: [1/3] {STEP.reference}: unchanged, nothing to build\n"


def test_unknown_builder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="BUILDER is buildah or docker, not kaniko"):
        image_builders.choose("kaniko", tmp_path, "")


@pytest.mark.parametrize(
    ("reference", "is_same"),
    [
        ("localhost/slipway/serving:aaaaaaaaaaaa", True),
        ("localhost/slipway/serving:aaaaaaaaaaaa-gpu", False),
        ("localhost/slipway/serving-other:aaaaaaaaaaaa", False),
        ("localhost/slipway/base:aaaaaaaaaaaa", False),
    ],
)
def test_only_earlier_tags_of_the_same_flavor_are_forgotten(reference: str, is_same: bool) -> None:
    assert image_builders.is_same_flavor(reference, "localhost/slipway/serving:0123456789ab") is is_same
