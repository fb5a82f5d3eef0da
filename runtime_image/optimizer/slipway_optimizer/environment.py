"""The process and the machine: how many CPUs it may use, what they are, and where it may write."""

import os
import resource
import sys
import tempfile
from math import ceil
from pathlib import Path

from slipway_contract.recipe import CPU_HARDWARE_CLASS

CACHE_VARIABLES = ("HOME", "XDG_CACHE_HOME", "TORCH_HOME", "TORCHINDUCTOR_CACHE_DIR", "HF_HOME", "MPLCONFIGDIR")


def use_scratch_for_caches() -> None:
    """Point what libraries write to behind our back at TMPDIR: the root filesystem is read-only in the cluster."""
    sys.dont_write_bytecode = True
    for variable in CACHE_VARIABLES:
        value = os.environ.get(variable)
        if not value or (variable == "HOME" and not os.access(value, os.W_OK)):
            os.environ[variable] = str(Path(tempfile.gettempdir()) / "cache")


def let_waiting_threads_sleep() -> None:
    """Keep PyTorch's idle threads from spinning; has to be set before PyTorch is imported.

    On CPUs that are shared or limited by a quota they take the time from whoever works: EfficientNet-Lite0 was seen at
    ten times its latency, and what is measured next would suffer too.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def hardware_class() -> str:
    """What is measured on, as the recipe counts it: the operator says so, on a workstation it is the CPU."""
    return os.environ.get("SLIPWAY_HARDWARE_CLASS") or CPU_HARDWARE_CLASS


def peak_memory_bytes() -> int:
    """The most that this process had in memory so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def cpu_count(cgroup: Path = Path("/sys/fs/cgroup")) -> int:
    """CPUs that this process may use: its affinity, or its cgroup's quota where that is less."""
    available = len(os.sched_getaffinity(0))
    quota = _quota_v2(cgroup) or _quota_v1(cgroup)
    return max(1, min(available, ceil(quota))) if quota else available


def cpu_model(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """The CPU's name as the kernel gives it."""
    try:
        lines = cpuinfo.read_text().splitlines()
    except OSError:
        return "unknown"
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "unknown")


def accelerator_model(devices: Path = Path("/proc/driver/nvidia/gpus")) -> str | None:
    """The product's name of the first GPU as the driver gives it."""
    for information in sorted(devices.glob("*/information")):
        names = (line.partition(":")[2].strip() for line in information.read_text().splitlines() if "Model" in line)
        return next(names, None)
    return None


def _quota_v2(cgroup: Path) -> float | None:
    fields = _fields(cgroup / "cpu.max")
    if len(fields) != 2 or fields[0] == "max":  # noqa: PLR2004  the file holds "QUOTA PERIOD"
        return None
    return int(fields[0]) / int(fields[1])


def _quota_v1(cgroup: Path) -> float | None:
    quota, period = _fields(cgroup / "cpu/cpu.cfs_quota_us"), _fields(cgroup / "cpu/cpu.cfs_period_us")
    if not quota or not period or int(quota[0]) <= 0:
        return None
    return int(quota[0]) / int(period[0])


def _fields(file: Path) -> list[str]:
    try:
        return file.read_text().split()
    except OSError:
        return []
