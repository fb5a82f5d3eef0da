"""The base of our images where no registry offers one: Debian 12 with its Python, made from Debian's packages."""

import hashlib
import json
import os
import subprocess
import time
from pathlib import Path

SUITE = "bookworm"
# usr-is-merged instead of usrmerge, which brings 47 MB of Perl
PACKAGES = ("python3", "libstdc++6", "ca-certificates", "usr-is-merged")
MERGED_USR = "/usr/share/mmdebstrap/hooks/merged-usr"
EPOCH = "1735689600"  # every file's time at most this one: the same packages give the same bytes
LEFT_OUT = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*", "/usr/share/lintian/*")
CUSTOMIZE = (
    "--customize-hook=rm -rf $1/var/lib/apt/lists/* $1/var/cache/apt/*.bin $1/var/cache/debconf/*-old $1/var/log/*",
    "--customize-hook=rm -f $1/etc/resolv.conf $1/etc/hostname",
)


def mmdebstrap_command(target: Path) -> list[str]:
    excludes = [f"--dpkgopt=path-exclude={pattern}" for pattern in LEFT_OUT]
    recommends = '--aptopt=APT::Install-Recommends "false"'
    include = f"--include={','.join(PACKAGES)}"
    options = ["--quiet", "--variant=apt", f"--hook-dir={MERGED_USR}", recommends, include, *excludes, *CUSTOMIZE]
    return ["mmdebstrap", *options, SUITE, str(target)]


def recipe_key() -> str:
    """Changes when what we ask of mmdebstrap does."""
    recipe = json.dumps([EPOCH, mmdebstrap_command(Path("base.tar"))])
    return hashlib.sha256(recipe.encode()).hexdigest()[:12]


def base_tarball(cache: Path) -> Path:
    """The base's root file system as a tar file, made if `cache` does not hold it yet."""
    tarball = cache / f"{SUITE}-{recipe_key()}.tar"
    if tarball.exists():
        return tarball
    cache.mkdir(parents=True, exist_ok=True)
    started, partial = time.monotonic(), tarball.with_suffix(".partial.tar")
    say(f"making Debian {SUITE} with {', '.join(PACKAGES)} (about a minute)")
    subprocess.run(mmdebstrap_command(partial), check=True, env={**os.environ, "SOURCE_DATE_EPOCH": EPOCH})
    partial.rename(tarball)
    say(f"{tarball.stat().st_size / 1e6:.0f} MB, {time.monotonic() - started:.0f} s")
    return tarball


def say(text: str) -> None:
    print(f"base: {text}", flush=True)  # noqa: T201 - progress for the person who runs make


def digest(tarball: Path) -> str:
    with tarball.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    say(str(base_tarball(Path(__file__).resolve().parents[2] / ".cluster" / "base")))
