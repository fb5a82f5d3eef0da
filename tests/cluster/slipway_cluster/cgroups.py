"""One control group holds every process of the cluster: host processes, shims and containers, on cgroup v1 and v2.

So a later run finds all of them without looking at names, and ends nothing else.
"""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from slipway_cluster.errors import ClusterError

ROOT = Path("/sys/fs/cgroup")
NAME = "slipway-cluster"
HOST_PROCESSES = f"{NAME}/host"
# The kubelet refuses a root group that lacks one of these.
NEEDED = ("cpu", "cpuset", "memory", "pids")
END_SECONDS = 15.0
POLL_SECONDS = 0.05


def is_unified(root: Path = ROOT) -> bool:
    return (root / "cgroup.controllers").exists()


def hierarchies(root: Path = ROOT) -> list[Path]:
    """The mounted hierarchies: one on v2, one per controller on v1."""
    if is_unified(root):
        return [root]
    return sorted(path for path in root.iterdir() if (path / "cgroup.procs").exists() and not path.is_symlink())


def create() -> None:
    if is_unified():
        _delegate_controllers()
    for hierarchy in hierarchies():
        group = hierarchy / NAME
        group.mkdir(exist_ok=True)
        for name in ("cpuset.cpus", "cpuset.mems"):  # a new v1 cpuset is empty, and takes no process
            if not is_unified() and (group / name).exists():
                (group / name).write_text((hierarchy / name).read_text())
    host_group().mkdir(exist_ok=True)


def host_group() -> Path:
    """The group of the host processes; one hierarchy is enough to find them again."""
    if is_unified():
        return ROOT / HOST_PROCESSES
    return next(h for h in hierarchies() if h.name in {"pids", "freezer"}) / HOST_PROCESSES


def adopt(pid: int) -> None:
    (host_group() / "cgroup.procs").write_text(str(pid))


def all_pids() -> set[int]:
    folders = [folder for hierarchy in hierarchies() for folder in _tree(hierarchy / NAME)]
    return {pid for folder in folders for pid in _members(folder)}


def kill_all() -> None:
    deadline = time.monotonic() + END_SECONDS
    while pids := all_pids():
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            raise ClusterError(f"Processes of the cluster do not end: {sorted(pids)}.")
        time.sleep(POLL_SECONDS)


def remove() -> None:
    for hierarchy in hierarchies():
        for folder in _tree(hierarchy / NAME):
            _remove_group(folder)


def _members(folder: Path) -> list[int]:
    try:
        return [int(line) for line in (folder / "cgroup.procs").read_text().split()]
    except FileNotFoundError:
        return []


def _tree(group: Path) -> list[Path]:
    """The group and all below it, children first."""
    return [Path(folder) for folder, _, _ in os.walk(group, topdown=False)]


def _remove_group(folder: Path) -> None:
    deadline = time.monotonic() + END_SECONDS
    while folder.exists():
        try:
            folder.rmdir()
        except OSError:  # busy for a moment after its last process ended
            if time.monotonic() > deadline:
                raise
            time.sleep(POLL_SECONDS)


def _delegate_controllers() -> None:
    available = (ROOT / "cgroup.controllers").read_text().split()
    missing = [controller for controller in NEEDED if controller not in available]
    if missing:
        raise ClusterError(f"The cgroup controllers {', '.join(missing)} are not available at {ROOT}.")
    wanted = [c for c in (*NEEDED, "io", "hugetlb") if c in available]
    try:
        (ROOT / "cgroup.subtree_control").write_text(" ".join(f"+{controller}" for controller in wanted))
    except OSError as error:
        raise ClusterError(
            f"Cannot delegate cgroup controllers at {ROOT} ({error.strerror}): "
            "inside a container, move its processes from the root group into a child first."
        ) from error
