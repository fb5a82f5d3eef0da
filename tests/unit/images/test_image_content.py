"""A tag changes with whatever the image holds, and with nothing else."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from image_content import IMAGES, Image, build_arguments, content_tag, context_files, copied_paths, suffix_of

SERVING = Image("serving", "serving/Dockerfile", "serving", ("FLAVOR",))
DOCKERFILE = """ARG BASE=python:3.11-slim-bookworm
FROM ${BASE} AS build
COPY pyproject.toml uv.lock ./
COPY install/ install/
COPY serving/slipway_serving/ /opt/slipway/slipway_serving/
FROM ${BASE}
COPY --from=build /opt/venv /opt/venv
"""
REPOSITORY = Path(__file__).parents[3]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, content in {
        "pyproject.toml": "[project]",
        "uv.lock": "version = 1",
        "install/locked.py": "import uv",
        "serving/Dockerfile": DOCKERFILE,
        "serving/slipway_serving/app.py": "app = 1",
        "optimizer/slipway_optimizer/export.py": "export = 1",
    }.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    return tmp_path


def tag(root: Path, requirements: str = "numpy==2.4.6\n", arguments: Mapping[str, str] | None = None) -> str:
    return content_tag(root, SERVING, requirements, arguments or {"BASE": "sha256:1"})


def test_same_content_same_tag(root: Path) -> None:
    assert tag(root) == tag(root)


def test_tag_is_valid_in_an_image_reference(root: Path) -> None:
    assert len(tag(root)) == 12
    assert int(tag(root), 16) >= 0


@pytest.mark.parametrize("changed", ["serving/slipway_serving/app.py", "install/locked.py", "serving/Dockerfile"])
def test_tag_follows_what_is_copied(root: Path, changed: str) -> None:
    before = tag(root)
    with (root / changed).open("a") as file:
        file.write("\n# more\n")
    assert tag(root) != before


def test_tag_follows_new_and_renamed_files(root: Path) -> None:
    before = tag(root)
    (root / "serving/slipway_serving/app.py").rename(root / "serving/slipway_serving/asgi.py")
    assert tag(root) != before


@pytest.mark.parametrize("changed", ["optimizer/slipway_optimizer/export.py", "pyproject.toml", "uv.lock"])
def test_tag_ignores_other_packages_and_the_unrelated_part_of_the_lock(root: Path, changed: str) -> None:
    before = tag(root)
    (root / changed).write_text("something else")
    assert tag(root) == before


def test_tag_ignores_bytecode(root: Path) -> None:
    before = tag(root)
    cache = root / "serving/slipway_serving/__pycache__"
    cache.mkdir()
    (cache / "app.cpython-311.pyc").write_bytes(b"\0")
    assert tag(root) == before


def test_tag_follows_requirements_but_not_the_comments_of_uv(root: Path) -> None:
    assert tag(root, "numpy==2.5.5\n") != tag(root, "numpy==2.4.6\n")
    assert tag(root, "# uv export, another day\nnumpy==2.4.6\n") == tag(root, "numpy==2.4.6\n")


def test_tag_follows_base_and_flavor(root: Path) -> None:
    tags = [
        tag(root, arguments=arguments) for arguments in ({"BASE": "1"}, {"BASE": "2"}, {"BASE": "1", "FLAVOR": "gpu"})
    ]
    assert len(set(tags)) == 3


def test_content_cannot_move_between_files_unnoticed(root: Path) -> None:
    app, other = root / "serving/slipway_serving/app.py", root / "serving/slipway_serving/b.py"
    app.write_text("one")
    other.write_text("two")
    before = tag(root)
    app.write_text("onetwo")
    other.write_text("")
    assert tag(root) != before


def test_copies_from_the_context_are_found_and_copies_between_stages_are_not() -> None:
    assert copied_paths(DOCKERFILE) == ["pyproject.toml", "uv.lock", "install", "serving/slipway_serving"]


def test_a_dockerfile_gets_only_the_arguments_that_it_knows() -> None:
    options = {"BASE": "debian", "FLAVOR": "gpu", "TORCH_INDEX": ""}
    operator, serving, optimizer = IMAGES
    assert build_arguments(operator, options) == {"BASE": "debian"}
    assert build_arguments(serving, options) == {"BASE": "debian", "FLAVOR": "gpu"}
    assert build_arguments(optimizer, options) == {"BASE": "debian", "FLAVOR": "gpu"}


def test_gpu_flavor_is_another_extra_and_another_tag() -> None:
    assert [suffix_of({}), suffix_of({"FLAVOR": "cpu"}), suffix_of({"FLAVOR": "gpu"})] == ["", "", "-gpu"]


@pytest.mark.parametrize("image", IMAGES, ids=lambda image: image.name)
def test_every_dockerfile_declares_its_arguments_and_copies_what_exists(image: Image) -> None:
    dockerfile = (REPOSITORY / image.dockerfile).read_text()
    for argument in ("BASE", *image.arguments):
        assert f"\nARG {argument}=" in dockerfile
    for path in copied_paths(dockerfile):
        assert context_files(REPOSITORY, [path])


@pytest.mark.parametrize("image", IMAGES, ids=lambda image: image.name)
def test_dockerignore_lets_through_what_the_dockerfiles_copy(image: Image) -> None:
    allowed = {line[1:] for line in (REPOSITORY / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert set(copied_paths((REPOSITORY / image.dockerfile).read_text())) <= allowed
