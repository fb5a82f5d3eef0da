"""The two programs that can build our Dockerfiles: buildah, which needs no engine, and docker."""

import json
import re
import shlex
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import base_image

CERTIFICATES = "/etc/ssl/certs"
LAYER_CACHE_LIMIT = 8_000_000_000  # bytes; beyond it the next build starts from downloads instead of layers
MANIFEST_TYPES = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)


class Builder(Protocol):
    """What `make images` asks of a builder; references are `[REGISTRY/]slipway/NAME:TAG`."""

    def base(self, given: str) -> tuple[str, str]:
        """The image to pass as BASE (empty: the Dockerfile's own) and what identifies its content."""

    def has(self, reference: str) -> bool: ...

    def build(self, reference: str, context: Path, dockerfile: str, arguments: Mapping[str, str]) -> None: ...

    def size(self, reference: str) -> str:
        """Uncompressed, for people to read."""

    def push(self, reference: str, target: str, *, plain_http: bool) -> None: ...

    def forget_others(self, reference: str) -> None:
        """Remove earlier tags of the image, in the same flavor, from the builder's own storage."""


@dataclass(frozen=True)
class Buildah:
    """Builds without an engine, its storage below `state`, its build steps in a chroot on the host's network.

    Build steps trust the certificates that the host trusts, and keep what they download in `state`.
    """

    state: Path
    options: str = ""

    def base(self, given: str) -> tuple[str, str]:
        if given:
            return given, given
        tarball = base_image.base_tarball(self.state / "base")
        digest = base_image.digest(tarball)
        name = f"slipway/base:{digest[:12]}"
        if not self.has(name):
            container = self._buildah("from", "scratch").strip()
            self._buildah("add", "--quiet", container, str(tarball), "/")
            self._buildah("config", "--cmd", "/bin/bash", container)
            self._buildah("commit", "--quiet", "--rm", container, local(name))
        return local(name), digest

    def has(self, reference: str) -> bool:
        return succeeds([*self._command, "inspect", "--type", "image", local(reference)])

    def build(self, reference: str, context: Path, dockerfile: str, arguments: Mapping[str, str]) -> None:
        cache = self.state / "cache" / "uv"
        cache.mkdir(parents=True, exist_ok=True)
        command = [*self._command, "build", "--layers", "--force-rm", "--isolation", "chroot", "--network", "host"]
        command += ["--volume", f"{CERTIFICATES}:{CERTIFICATES}:ro", "--volume", f"{cache}:/var/cache/uv"]
        command += options_for(arguments) + shlex.split(self.options)
        subprocess.run([*command, "--file", context / dockerfile, "--tag", local(reference), context], check=True)

    def size(self, reference: str) -> str:
        return str(json.loads(self._buildah("images", "--json", local(reference)))[0]["size"])

    def push(self, reference: str, target: str, *, plain_http: bool) -> None:
        plain = ["--tls-verify=false"] if plain_http else []
        subprocess.run([*self._command, "push", "--quiet", *plain, local(reference), f"docker://{target}"], check=True)

    def forget_others(self, reference: str) -> None:
        name = local(reference).rpartition(":")[0]
        listed = json.loads(self._buildah("images", "--json", "--filter", f"reference={name}"))
        tags = {tag for image in listed for tag in image["names"] or () if is_same_flavor(tag, local(reference))}
        for other in sorted(tags - {local(reference)}):
            self._buildah("rmi", other)
        if size_of(self.state / "buildah" / "storage" / "overlay") > LAYER_CACHE_LIMIT:
            self._buildah("rmi", "--prune")

    @property
    def _command(self) -> list[str]:
        storage = self.state / "buildah"
        return ["buildah", "--root", str(storage / "storage"), "--runroot", str(storage / "run")]

    def _buildah(self, *arguments: str) -> str:
        return subprocess.run([*self._command, *arguments], stdout=subprocess.PIPE, text=True, check=True).stdout


@dataclass(frozen=True)
class Docker:
    """Builds with a docker engine; BASE comes from Docker Hub unless it is given."""

    options: str = ""

    def base(self, given: str) -> tuple[str, str]:
        return given, given

    def has(self, reference: str) -> bool:
        return succeeds(["docker", "image", "inspect", local(reference)])

    def build(self, reference: str, context: Path, dockerfile: str, arguments: Mapping[str, str]) -> None:
        command = ["docker", "build", *options_for(arguments), *shlex.split(self.options)]
        subprocess.run([*command, "--file", context / dockerfile, "--tag", local(reference), context], check=True)

    def size(self, reference: str) -> str:
        listing = ["docker", "image", "ls", "--format", "{{.Size}}", local(reference)]
        return subprocess.run(listing, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()

    def push(self, reference: str, target: str, *, plain_http: bool) -> None:
        subprocess.run(["docker", "tag", local(reference), target], check=True)
        subprocess.run(["docker", "push", "--quiet", target], check=True)

    def forget_others(self, reference: str) -> None:
        """Nothing: a docker engine's storage is its owner's to clean."""


def choose(name: str, state: Path, options: str) -> Builder:
    """BUILDER's value, or else what is installed; buildah first."""
    if name not in {"", "buildah", "docker"}:
        raise SystemExit(f"BUILDER is buildah or docker, not {name}.")
    chosen = name or ("buildah" if shutil.which("buildah") else "docker")
    if not shutil.which(chosen):
        raise SystemExit(f"{chosen} is not installed.")
    return Docker(options) if chosen == "docker" else Buildah(state, options)


def local(reference: str) -> str:
    """The builder's own name of an image: both would otherwise look for it on Docker Hub."""
    return f"localhost/{reference}"


def size_of(folder: Path) -> int:
    """Bytes on disk below a folder."""
    return (
        int(subprocess.run(["du", "-sk", folder], stdout=subprocess.PIPE, text=True, check=True).stdout.split()[0])
        * 1024
    )


def is_same_flavor(reference: str, other: str) -> bool:
    """Whether two references differ in the content's digest at most."""
    name, digest = other.rpartition(":")[::2]
    return bool(re.fullmatch(re.escape(f"{name}:") + "[0-9a-f]{12}" + re.escape(digest[12:]), reference))


def succeeds(command: list[str]) -> bool:
    result = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return result.returncode == 0


def options_for(arguments: Mapping[str, str]) -> list[str]:
    return [part for name, value in sorted(arguments.items()) for part in ("--build-arg", f"{name}={value}")]


def registry_has(target: str) -> bool:
    """Whether a registry that is spoken to over plain HTTP holds `HOST/NAME:TAG`."""
    host, _, path = target.partition("/")
    name, _, tag = path.rpartition(":")
    accept = {"Accept": ", ".join(MANIFEST_TYPES)}
    request = urllib.request.Request(f"http://{host}/v2/{name}/manifests/{tag}", method="HEAD", headers=accept)
    try:
        with urllib.request.urlopen(request, timeout=10):  # noqa: S310 - http, as written above
            return True
    except urllib.error.HTTPError:
        return False
