"""The machine-wide record of the one bundled cluster that may run here: whose it is, its processes, what it changed."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from slipway_cluster.paths import RECORD

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class ProcessIdentity:
    """A pid alone may have been given to another process since; with its start time it names one process for ever."""

    pid: int
    start_time: int


@dataclass
class Record:
    """What `up` did to the machine, so that any later run, from any folder, can undo it."""

    folder: str
    boot_id: str
    processes: dict[str, ProcessIdentity] = field(default_factory=dict)
    sysctls: dict[str, str] = field(default_factory=dict)
    created_directories: list[str] = field(default_factory=list)
    settings: dict[str, str | int] = field(default_factory=dict)
    complete: bool = False  # each process was started and the addons were applied

    def save(self, path: Path = RECORD) -> None:
        draft = path.with_suffix(".new")
        draft.write_text(json.dumps(asdict(self), indent=2) + "\n")
        draft.replace(path)


def current_boot_id() -> str:
    return BOOT_ID.read_text().strip()


def load_record(path: Path = RECORD) -> Record | None:
    """The record, or None where there is none or a killed run left it unreadable."""
    try:
        data = json.loads(path.read_text())
        processes = {name: ProcessIdentity(**identity) for name, identity in data.pop("processes").items()}
        return Record(processes=processes, **data)
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def start_time_in_stat(stat: str) -> int | None:
    """Field 22 of /proc/PID/stat, clock ticks since boot; None for a zombie, which runs no more."""
    state, *fields = stat.rpartition(")")[2].split()
    return None if state in {"Z", "X"} else int(fields[18])


def identify(pid: int) -> ProcessIdentity | None:
    try:
        start_time = start_time_in_stat(Path(f"/proc/{pid}/stat").read_text())
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if start_time is None else ProcessIdentity(pid, start_time)


def is_alive(identity: ProcessIdentity) -> bool:
    return identify(identity.pid) == identity


def living_processes(record: Record) -> dict[str, ProcessIdentity]:
    """Those of the record's processes that still run; none if the machine was booted since."""
    if record.boot_id != current_boot_id():
        return {}
    return {name: identity for name, identity in record.processes.items() if is_alive(identity)}
