import os
import tempfile

import pytest

from slipway_optimizer.environment import (
    CACHE_VARIABLES,
    cpu_count,
    cpu_model,
    let_waiting_threads_sleep,
    use_scratch_for_caches,
)


def unset(monkeypatch, variable):
    """Set first, so that what the test itself sets is undone even where the variable was absent."""
    monkeypatch.setenv(variable, "")
    monkeypatch.delenv(variable)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"cpu.max": "100000 100000"}, 1),
        ({"cpu.max": "50000 100000"}, 1),
        ({"cpu.max": "150000 100000"}, 2),
        ({"cpu.max": "max 100000"}, 4),
        ({"cpu/cpu.cfs_quota_us": "200000", "cpu/cpu.cfs_period_us": "100000"}, 2),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 4),
        ({"cpu.max": "900000 100000"}, 4),
        ({}, 4),
    ],
)
def test_cpus_are_what_the_cgroup_and_the_affinity_leave(tmp_path, monkeypatch, files, expected):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3})
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert cpu_count(tmp_path) == expected


def test_the_cpus_name(tmp_path):
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nmodel name\t: Fast One 9000\n")
    assert cpu_model(tmp_path / "cpuinfo") == "Fast One 9000"
    assert cpu_model(tmp_path / "absent") == "unknown"


def test_caches_go_to_scratch_unless_somebody_chose_a_place(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for variable in CACHE_VARIABLES:
        unset(monkeypatch, variable)
    monkeypatch.setenv("HF_HOME", "/models")
    use_scratch_for_caches()
    assert os.environ["HF_HOME"] == "/models"
    assert os.environ["HOME"] == os.environ["TORCHINDUCTOR_CACHE_DIR"] == str(tmp_path / "cache")


def test_waiting_threads_sleep_unless_somebody_chose_otherwise(monkeypatch):
    unset(monkeypatch, "OMP_WAIT_POLICY")
    let_waiting_threads_sleep()
    assert os.environ["OMP_WAIT_POLICY"] == "PASSIVE"
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    let_waiting_threads_sleep()
    assert os.environ["OMP_WAIT_POLICY"] == "ACTIVE"
