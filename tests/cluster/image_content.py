"""What goes into an image, and the tag that follows from it: same content, same tag, nothing to build and nothing to push."""

import hashlib
import re
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
    has_flavors: bool = True


IMAGES = (
    Image("operator", "operator/Dockerfile", "operator", has_flavors=False),
    Image("serving", "runtime_image/serving/Dockerfile", "serving"),
    Image("optimizer", "runtime_image/optimizer/Dockerfile", "optimizer"),
)


def build_arguments(image: Image, options: Mapping[str, str]) -> dict[str, str]:
    """The build arguments among `options` that this image's Dockerfile knows, without empty ones."""
    known = {"BASE", *(("FLAVOR",) if image.has_flavors else ()), *(("TORCH_INDEX",) if image.name == "optimizer" else ())}
    return {name: value for name, value in sorted(options.items()) if name in known and value}


def extra_of(image: Image, arguments: Mapping[str, str]) -> str:
    return f"{image.extra}-gpu" if arguments.get("FLAVOR") == "gpu" else image.extra


def copied_paths(dockerfile: str) -> list[str]:
    """What a Dockerfile copies from the build context, in its order; copies between stages do not count."""
    copies = re.findall(r"^COPY +(?!--from)(.+)$", dockerfile, re.MULTILINE)
    return [source.rstrip("/") for copy in copies for source in copy.split()[:-1]]


def context_files(root: Path, paths: Iterable[str]) -> list[Path]:
    """The files below `paths`, relative to `root`, as .dockerignore lets them through."""
    found = (file for path in paths for file in ([root / path] if (root / path).is_file() else (root / path).rglob("*")))
    return sorted(file.relative_to(root) for file in found if file.is_file() and "__pycache__" not in file.parts)


def content_tag(root: Path, image: Image, requirements: str, arguments: Mapping[str, str]) -> str:
    """Twelve hex digits over everything that decides what the image holds.

    Args:
        root: the repository.
        image: which image.
        requirements: the locked requirements of its extra, as `uv export` prints them.
        arguments: the build arguments; BASE by its digest, not by its name.
    """
    dockerfile = (root / image.dockerfile).read_bytes()
    digest = hashlib.sha256()
    _add(digest, "Dockerfile", dockerfile)
    _add(digest, "requirements", "\n".join(line for line in requirements.splitlines() if not line.startswith("#")).encode())
    for name, value in sorted(arguments.items()):
        _add(digest, f"argument {name}", value.encode())
    paths = [path for path in copied_paths(dockerfile.decode()) if path not in LOCKED]
    for file in context_files(root, paths):
        _add(digest, f"file {file}", (root / file).read_bytes())
    return digest.hexdigest()[:12]


def _add(digest: "hashlib._Hash", name: str, content: bytes) -> None:
    digest.update(f"{name} {len(content)}\n".encode())
    digest.update(content)
