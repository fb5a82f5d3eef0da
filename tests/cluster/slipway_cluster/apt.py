"""The Debian packages that the node needs: install what is missing, once."""

import os
import shutil
import subprocess
from pathlib import Path

from slipway_cluster.errors import ClusterError, ComponentFailedError
from slipway_cluster.paths import Layout
from slipway_cluster.progress import say, step

# package -> a file that shows that it, or another way of installing it, is there
PACKAGES = {
    "runc": ["/usr/sbin/runc", "/usr/bin/runc", "/usr/local/sbin/runc"],
    "containernetworking-plugins": ["/usr/lib/cni/bridge", "/opt/cni/bin/bridge"],
    "nftables": ["/usr/sbin/nft"],
    "iproute2": ["/usr/sbin/ip", "/sbin/ip", "/usr/bin/ip"],
    "buildah": ["/usr/bin/buildah"],
    "mmdebstrap": ["/usr/bin/mmdebstrap"],
}


def missing_packages() -> list[str]:
    return [package for package, files in PACKAGES.items() if not any(Path(file).exists() for file in files)]


def install_missing(layout: Layout) -> None:
    missing = missing_packages()
    if not missing:
        say("Debian packages: all there")
        return
    require_apt(missing)
    with step(f"installing Debian packages: {', '.join(missing)}"):
        run_apt(layout, ["apt-get", "update"])
        run_apt(layout, ["apt-get", "install", "-y", "--no-install-recommends", *missing])


def require_apt(missing: list[str]) -> None:
    if shutil.which("apt-get") is None:
        raise ClusterError(f"Not a Debian machine (no apt-get): install these yourself: {', '.join(missing)}.")


def run_apt(layout: Layout, command: list[str], folder: Path | None = None) -> None:
    log = layout.logs / "apt.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as lines:
        result = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            stdin=subprocess.DEVNULL,
            stdout=lines,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if result.returncode != 0:
        raise ComponentFailedError(" ".join(command[:2]), "failed", log)


def static_busybox(layout: Layout) -> Path:
    """A static shell for images on scratch; unpacked, not installed: the package would replace another busybox."""
    binary = layout.images / "busybox/bin/busybox"
    if binary.exists():
        return binary
    require_apt(["busybox-static"])
    folder = layout.images / "busybox"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with step("fetching busybox"):
        run_apt(layout, ["apt-get", "update"])
        run_apt(layout, ["apt-get", "download", "busybox-static"], folder)
        (package,) = folder.glob("*.deb")
        run_apt(layout, ["dpkg-deb", "-x", str(package), str(folder)])
    return binary
