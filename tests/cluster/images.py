"""`make images`: builds what changed of the three images, pushes it to the cluster's registry, notes the references.

Settings come from the environment, as make passes them on:

    REGISTRY       HOST[/PREFIX] to push to; without it the bundled cluster's registry; without that nothing is pushed
    BUILDER        buildah or docker; without it what is installed, buildah first
    BASE           the image to build on; without it our own with buildah (base_image.py), the Dockerfile's with docker
    FLAVOR         cpu (without it) or gpu, for optimizer and serving
    TORCH_INDEX    an index with PyTorch's CPU wheels, for the optimizer; without it PyTorch comes from PyPI
    BUILD_OPTIONS  more options for `buildah build` or `docker build`, as for a shell
"""

import argparse
import fcntl
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import image_builders
from image_builders import Builder
from image_content import IMAGES, Image, build_arguments, content_tag, stage, suffix_of

ROOT = Path(__file__).resolve().parents[2]
STATE = ROOT / ".cluster"


@dataclass(frozen=True)
class Registry:
    """Where images are pushed to, and the name under which pods pull them; both empty: nowhere."""

    push: str = ""
    name: str = ""

    @property
    def is_bundled(self) -> bool:
        return self.push != self.name


@dataclass(frozen=True)
class Plan:
    """One image, decided: its tag and the arguments of its build."""

    image: Image
    reference: str
    arguments: Mapping[str, str]
    context: Path


def find_registry(given: str, state: Path) -> Registry:
    """REGISTRY's value, or else what the bundled cluster wrote down."""
    written = state / "registry.json"
    if given or not written.exists():
        return Registry(given.rstrip("/"), given.rstrip("/"))
    return Registry(**json.loads(written.read_text()))


def plan(image: Image, base: tuple[str, str], options: Mapping[str, str], uv: Path, context: Path) -> Plan:
    stage(ROOT, image, context)
    base_name, base_content = base
    arguments = build_arguments(image, {**options, "BASE": base_name})
    content = build_arguments(image, {**options, "BASE": base_content})
    tag = content_tag(context, image, exported(image.extra + suffix_of(arguments), uv, context), content)
    return Plan(image, f"slipway/{image.name}:{tag}{suffix_of(arguments)}", arguments, context)


def exported(extra: str, uv: Path, project: Path) -> str:
    """The locked requirements of an extra."""
    command: list[str | Path] = [
        uv,
        "export",
        "--quiet",
        "--frozen",
        "--no-default-groups",
        "--no-emit-project",
        "--extra",
        extra,
    ]
    return subprocess.run(command, cwd=project, stdout=subprocess.PIPE, text=True, check=True).stdout


def build(step: Plan, builder: Builder, position: str) -> None:
    if builder.has(step.reference):
        say(f"{position} {step.reference}: unchanged, nothing to build")
        return
    say(f"{position} {step.reference}: building")
    started = time.monotonic()
    builder.build(step.reference, step.context, step.image.dockerfile, step.arguments)
    say(f"{position} {step.reference}: {builder.size(step.reference)}, built in {time.monotonic() - started:.0f} s")


def push(step: Plan, builder: Builder, registry: Registry, position: str) -> str:
    """Push if the registry does not have it. Returns the reference that a pod uses."""
    target = "/".join(part for part in (registry.push, step.reference) if part)
    if not registry.push or (registry.is_bundled and image_builders.registry_has(target)):
        say(f"{position} {step.reference}: {'already in the registry' if registry.push else 'no registry to push to'}")
    else:
        started = time.monotonic()
        builder.push(step.reference, target, plain_http=registry.is_bundled)
        say(f"{position} {step.reference}: pushed to {registry.push} in {time.monotonic() - started:.0f} s")
    return "/".join(part for part in (registry.name, step.reference) if part)


@contextmanager
def one_at_a_time(lock: Path) -> Iterator[None]:
    """Two runs at once would build the same layers twice and take each other's intermediate images away."""
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another run")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def say(text: str) -> None:
    print(f"images: {text}", flush=True)  # noqa: T201 - progress for the person who runs make


def make_images(names: Sequence[str], uv: Path) -> None:
    setting = os.environ.get
    images = [image for image in IMAGES if image.name in names]
    registry = find_registry(setting("REGISTRY", ""), STATE)
    builder = image_builders.choose(setting("BUILDER", ""), STATE, setting("BUILD_OPTIONS", ""))
    options = {"FLAVOR": setting("FLAVOR", ""), "TORCH_INDEX": setting("TORCH_INDEX", "")}
    say(f"{', '.join(image.name for image in images)}, one after the other")
    base = builder.base(setting("BASE", ""))
    written = STATE / "images.json"
    references = json.loads(written.read_text()) if written.exists() else {}
    for number, image in enumerate(images, 1):
        position = f"[{number}/{len(images)}]"
        with tempfile.TemporaryDirectory() as context:
            step = plan(image, base, options, uv, Path(context))
            build(step, builder, position)
        references[image.name + suffix_of(step.arguments)] = push(step, builder, registry, position)
        builder.forget_others(step.reference)
    written.write_text(json.dumps(references, indent=2, sort_keys=True) + "\n")
    say(f"references in {written.relative_to(ROOT)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--uv", type=Path, default=STATE / "uv" / "bin" / "uv", help="without it: from `make setup`")
    parser.add_argument("--only", action="append", choices=[image.name for image in IMAGES], help="may be repeated")
    arguments = parser.parse_args()
    STATE.mkdir(exist_ok=True)
    with one_at_a_time(STATE / "images.lock"):
        make_images(arguments.only or [image.name for image in IMAGES], arguments.uv)


if __name__ == "__main__":
    main()
