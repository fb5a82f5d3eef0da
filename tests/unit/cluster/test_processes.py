"""A process is known by its pid and its start time: what was started is ended, what only has its number is not."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from slipway_cluster.process import stop
from slipway_cluster.record import (
    ProcessIdentity,
    Record,
    current_boot_id,
    identify,
    is_alive,
    living_processes,
    load_record,
    start_time_in_stat,
)

STAT = "4242 (a name) with) S 1 4242 4242 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 987654 1000 100"


@pytest.fixture
def sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])


def identity_of(process: subprocess.Popen[bytes]) -> ProcessIdentity:
    identity = identify(process.pid)
    assert identity is not None
    return identity


def test_the_start_time_is_found_behind_any_name() -> None:
    assert start_time_in_stat(STAT) == 987654


def test_a_zombie_runs_no_more() -> None:
    assert start_time_in_stat(STAT.replace(") S ", ") Z ")) is None


def test_what_was_started_is_ended(sleeper: subprocess.Popen[bytes]) -> None:
    identity = identity_of(sleeper)
    assert is_alive(identity)

    stop([identity], timeout=10)

    assert not is_alive(identity)
    sleeper.wait()


def test_a_process_that_only_has_the_same_pid_is_left_alone(sleeper: subprocess.Popen[bytes]) -> None:
    stop([replace(identity_of(sleeper), start_time=1)], timeout=10)

    assert sleeper.poll() is None
    sleeper.kill()
    sleeper.wait()


def test_a_record_survives_on_disk(tmp_path: Path) -> None:
    record = Record(
        folder="/clone",
        boot_id="b",
        processes={"etcd": ProcessIdentity(12, 34)},
        sysctls={"kernel.panic": "1"},
        settings={"gpus": 2},
    )

    record.save(tmp_path / "record.json")

    assert load_record(tmp_path / "record.json") == record


@pytest.mark.parametrize("content", ["", "{", '{"folder": "/clone"}'])
def test_half_a_record_is_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "record.json").write_text(content)

    assert load_record(tmp_path / "record.json") is None


def test_after_a_boot_nothing_of_the_record_lives(sleeper: subprocess.Popen[bytes]) -> None:
    now = Record("/clone", current_boot_id(), {"sleeper": identity_of(sleeper)})

    assert living_processes(now) == now.processes
    assert living_processes(replace(now, boot_id="earlier")) == {}
    sleeper.kill()
    sleeper.wait()
