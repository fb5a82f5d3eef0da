"""Undo everything that a cluster did to the machine, also what a killed run, perhaps of another clone, left."""

import shutil
import subprocess
import time
from pathlib import Path

from slipway_cluster import cgroups, firewall, mounts, network, sysctls
from slipway_cluster.paths import CNI_CACHE, CONTAINER_LOG_LINKS, KUBELET_ROOT, RECORD, RUN, Layout
from slipway_cluster.process import stop
from slipway_cluster.record import Record, current_boot_id, living_processes, load_record

FIXED_FOLDERS = (KUBELET_ROOT, CONTAINER_LOG_LINKS, CNI_CACHE)
# Nothing but the registry's images is kept, so nobody is waited for longer.
TERMINATION_SECONDS = 3.0


def has_remains() -> bool:
    return (
        RECORD.exists()
        or RUN.exists()
        or any((hierarchy / cgroups.NAME).exists() for hierarchy in cgroups.hierarchies())
    )


def remove_cluster(layout: Layout) -> None:
    """Safe to repeat. What was built, the registry's images and the logs stay."""
    undo_machine_changes()
    for file in layout.access_files:
        file.unlink(missing_ok=True)
    shutil.rmtree(layout.state, ignore_errors=True)
    shutil.rmtree(layout.discarded, ignore_errors=True)


def discard_state(layout: Layout) -> None:
    """Only move the old state aside now: it may hold gigabytes of images, and a start need not wait for their end."""
    layout.discarded.mkdir(parents=True, exist_ok=True)
    if layout.state.exists():
        layout.state.rename(layout.discarded / str(time.time_ns()))
    subprocess.Popen(
        ["nice", "-n", "19", "rm", "-rf", str(layout.discarded)], stdin=subprocess.DEVNULL, start_new_session=True
    )


def undo_machine_changes() -> None:
    record = load_record()
    _end_processes(record)
    mounts.unmount_all()
    network.remove_bridge()
    firewall.remove_rules()
    cgroups.remove()
    if record is not None:
        _restore_machine(record)
    shutil.rmtree(RUN, ignore_errors=True)
    RECORD.unlink(missing_ok=True)


def missing_folders() -> list[str]:
    """Those of the fixed folders that are not on this machine yet, and so are ours to remove."""
    return [str(folder) for folder in FIXED_FOLDERS if not folder.exists()]


def _end_processes(record: Record | None) -> None:
    """The host processes first, so that nobody starts a container again; then whatever else is in our control group."""
    if record is not None:
        stop(living_processes(record).values(), TERMINATION_SECONDS)
    cgroups.kill_all()


def _restore_machine(record: Record) -> None:
    if record.boot_id == current_boot_id():  # a boot has put them back already
        sysctls.restore(record.sysctls)
    for folder in record.created_directories:
        shutil.rmtree(Path(folder), ignore_errors=True)
