"""Bind mounts of the cluster's state folder, and the removal of every mount below the cluster's fixed mount points."""

from pathlib import Path

from slipway_cluster.errors import ClusterError
from slipway_cluster.paths import KUBELET_ROOT, RUN, STATE
from slipway_cluster.run import run, succeeds

MOUNTINFO = Path("/proc/self/mountinfo")
ROOTS = (RUN, KUBELET_ROOT)


def mount_state(state: Path) -> None:
    """Show the state folder, and the kubelet's part of it, at their short fixed paths."""
    (state / "kubelet").mkdir(parents=True, exist_ok=True)
    for source, target in ((state, STATE), (state / "kubelet", KUBELET_ROOT)):
        target.mkdir(parents=True, exist_ok=True)
        run("mount", "--bind", source, target)
        # On a machine with shared mounts, those of pods would else show a second time in the clone's own folder.
        run("mount", "--make-private", target)


def mount_points_below(roots: tuple[Path, ...], mountinfo: str) -> list[Path]:
    """Mount points at or below the roots, deepest first: the order in which they can be unmounted."""
    points = [Path(_unescape(line.split()[4])) for line in mountinfo.splitlines()]
    ours = [point for point in points if any(point.is_relative_to(root) for root in roots)]
    return sorted(ours, key=lambda point: len(point.parts), reverse=True)


def unmount_all() -> None:
    for point in mount_points_below(ROOTS, MOUNTINFO.read_text()):
        if not succeeds("umount", point):
            succeeds("umount", "--lazy", point)
    left = mount_points_below(ROOTS, MOUNTINFO.read_text())
    if left:
        raise ClusterError(f"Could not unmount {left[0]}; a process still uses it (see `fuser -vm {left[0]}`).")


def _unescape(path: str) -> str:
    return path.encode().decode("unicode_escape") if "\\" in path else path
