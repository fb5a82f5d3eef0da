"""What goes into an image, and the tag that follows from it: same content, same tag, nothing to build or push."""

import hashlib
import os
import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

LOCKED = ("pyproject.toml", "uv.lock")  # they stand for the requirements that are exported from them


@dataclass(frozen=True)
class Image:
    """One of Slipway's images: its name, where its Dockerfile lies and the extra that it installs."""

    name: str
    dockerfile: str
    extra: str
    arguments: tuple[str, ...]  # of its Dockerfile, beside BASE


IMAGES = (
    Image("operator", "operator/Dockerfile", "operator", ()),
    Image("serving", "runtime_image/serving/Dockerfile", "serving", ("FLAVOR",)),
    Image("optimizer", "runtime_image/optimizer/Dockerfile", "optimizer", ("FLAVOR", "TORCH_INDEX")),
)


def build_arguments(image: Image, options: Mapping[str, str]) -> dict[str, str]:
    """The build arguments among `options` that this image's Dockerfile knows, without empty ones."""
    return {name: value for name, value in sorted(options.items()) if name in ("BASE", *image.arguments) and value}


def suffix_of(arguments: Mapping[str, str]) -> str:
    """What tells the GPU flavor of an extra, a tag or a key from the other."""
    return "-gpu" if arguments.get("FLAVOR") == "gpu" else ""


def copied_paths(dockerfile: str) -> list[str]:
    """What a Dockerfile copies from the build context, in its order; copies between stages do not count."""
    copies = re.findall(r"^COPY +(?!--from)(.+)$", dockerfile, re.MULTILINE)
    return [source.rstrip("/") for copy in copies for source in copy.split()[:-1]]


def context_files(root: Path, paths: Iterable[str]) -> list[Path]:
    """The files below `paths`, relative to `root`, as .dockerignore lets them through."""
    given = [root / path for path in paths]
    found = (file for path in given for file in ([path] if path.is_file() else path.rglob("*")))
    return sorted(file.relative_to(root) for file in found if file.is_file() and "__pycache__" not in file.parts)


def stage(root: Path, image: Image, context: Path) -> None:
    """Copy what the image is made from into a build context of its own: no edit during a build, no date gets in."""
    dockerfile = (root / image.dockerfile).read_text()
    for file in (Path(image.dockerfile), *context_files(root, copied_paths(dockerfile))):
        (context / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / file, context / file)
    for path in (context, *context.rglob("*")):
        os.utime(path, (0, 0))


def content_tag(root: Path, image: Image, requirements: str, arguments: Mapping[str, str]) -> str:
    """Twelve hex digits over everything that decides what the image holds.

    Args:
        root: the repository, or the build context that was staged from it.
        image: which image.
        requirements: the locked requirements of its extra, as `uv export` prints them.
        arguments: the build arguments; BASE by its digest, not by its name.
    """
    dockerfile = (root / image.dockerfile).read_bytes()
    digest = hashlib.sha256()
    _add(digest, "Dockerfile", dockerfile)
    _add(digest, "requirements", "\n".join(re.findall("^[^#].*", requirements, re.MULTILINE)).encode())
    for name, value in sorted(arguments.items()):
        _add(digest, f"argument {name}", value.encode())
    paths = [path for path in copied_paths(dockerfile.decode()) if path not in LOCKED]
    for file in context_files(root, paths):
        _add(digest, f"file {file}", (root / file).read_bytes())
    return digest.hexdigest()[:12]


def _add(digest: "hashlib._Hash", name: str, content: bytes) -> None:
    digest.update(f"{name} {len(content)}\n".encode())
    digest.update(content)
