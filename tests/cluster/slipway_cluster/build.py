"""Build the cluster's Go programs, each only when its sources, its flags or the Go toolchain changed."""

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from slipway_cluster.errors import ClusterError, ComponentFailedError
from slipway_cluster.paths import GO_MODULES, Layout
from slipway_cluster.programs import MODULES, GoModule
from slipway_cluster.progress import say, step

MINIMUM_GO = (1, 26)
BUILD_ENVIRONMENT = {"CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false", "GOTOOLCHAIN": "local"}


def build_all(layout: Layout, modules: Sequence[GoModule] = MODULES) -> None:
    layout.bin.mkdir(parents=True, exist_ok=True)
    layout.logs.mkdir(parents=True, exist_ok=True)
    go_version = require_go()
    stale = [module for module in modules if not is_built(module, layout, go_version)]
    if not stale:
        say(f"all {len(modules)} Go modules are built")
        return
    names = [module.name for module in stale]
    say(f"{len(stale)} of {len(modules)} Go modules to build: {', '.join(names)}; kubernetes alone takes minutes")
    for number, module in enumerate(stale, start=1):
        following = f", next: {names[number]}" if number < len(stale) else ""
        with step(f"building {module.name} ({number} of {len(stale)}{following})"):
            _build(module, layout)
        _stamp(module, layout).write_text(build_digest(module, go_version))


def require_go() -> str:
    """The installed Go's version line, if it is new enough."""
    if shutil.which("go") is None:
        raise ClusterError(f"Go is not on PATH; install Go {MINIMUM_GO[0]}.{MINIMUM_GO[1]} or newer.")
    version = subprocess.run(["go", "version"], check=True, capture_output=True, text=True).stdout.strip()
    found = re.search(r"go(\d+)\.(\d+)", version)
    if found is None or (int(found[1]), int(found[2])) < MINIMUM_GO:
        raise ClusterError(f"Go {MINIMUM_GO[0]}.{MINIMUM_GO[1]} or newer is needed, this is: {version}.")
    return version


def is_built(module: GoModule, layout: Layout, go_version: str) -> bool:
    stamp = _stamp(module, layout)
    binaries_exist = all((layout.bin / binary).exists() for binary in module.binaries)
    return binaries_exist and stamp.exists() and stamp.read_text() == build_digest(module, go_version)


def build_digest(module: GoModule, go_version: str, modules: Path = GO_MODULES) -> str:
    """Digest over everything that decides what a build gives: sources, go.mod, go.sum, flags, the toolchain."""
    digest = hashlib.sha256(repr((go_version, module, sorted(BUILD_ENVIRONMENT.items()))).encode())
    for source in sorted((modules / module.name).iterdir()):
        digest.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
    return digest.hexdigest()


def _build(module: GoModule, layout: Layout) -> None:
    # With one package Go takes -o as the file's name, with several as the folder.
    output = str(layout.bin / next(iter(module.binaries))) if len(module.binaries) == 1 else f"{layout.bin}/"
    flags = ["-trimpath", "-mod=readonly", "-ldflags", module.ldflags, "-tags", module.tags, "-o", output]
    log = layout.logs / f"build-{module.name}.log"
    with log.open("wb") as lines:
        result = subprocess.run(
            ["go", "build", *flags, *module.binaries.values()],
            cwd=GO_MODULES / module.name,
            env={**os.environ, **BUILD_ENVIRONMENT},
            stdout=lines,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if result.returncode != 0:
        raise ComponentFailedError(f"go build of {module.name}", "failed", log)


def _stamp(module: GoModule, layout: Layout) -> Path:
    return layout.bin / f".{module.name}.stamp"
