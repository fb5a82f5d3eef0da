"""How many CPUs this process may really use: its affinity, capped by the container's CFS quota."""

import os
from pathlib import Path

CGROUP_ROOT = Path("/sys/fs/cgroup")


def count_available_cpus(cgroup_root: Path = CGROUP_ROOT) -> int:
    """At least 1. A limit of 2.5 CPUs counts as 2, so that the threads of a run are never throttled together."""
    affinity = len(os.sched_getaffinity(0))
    quota = _quota_v2(cgroup_root / "cpu.max") or _quota_v1(cgroup_root / "cpu")
    return max(1, min(affinity, int(quota))) if quota else affinity


def _quota_v2(path: Path) -> float | None:
    try:
        quota, period = path.read_text().split()
    except FileNotFoundError:
        return None
    return None if quota == "max" else int(quota) / int(period)


def _quota_v1(folder: Path) -> float | None:
    try:
        quota = int((folder / "cpu.cfs_quota_us").read_text())
        period = int((folder / "cpu.cfs_period_us").read_text())
    except FileNotFoundError:
        return None
    return quota / period if quota > 0 else None
