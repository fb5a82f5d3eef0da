import os
from pathlib import Path

import pytest

from slipway_serving.cpus import count_available_cpus


@pytest.fixture
def affinity() -> int:
    return len(os.sched_getaffinity(0))


def test_without_a_limit_every_cpu_of_the_affinity_counts(tmp_path: Path, affinity: int) -> None:
    assert count_available_cpus(tmp_path) == affinity
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert count_available_cpus(tmp_path) == affinity


@pytest.mark.parametrize(("quota", "cpus"), [("50000", 1), ("100000", 1), ("190000", 1), ("100000000", 10**9)])
def test_a_cgroup_v2_limit_caps_them_rounded_down(tmp_path: Path, affinity: int, quota: str, cpus: int) -> None:
    (tmp_path / "cpu.max").write_text(f"{quota} 100000\n")
    assert count_available_cpus(tmp_path) == min(affinity, cpus)


@pytest.mark.parametrize(("quota", "cpus"), [("-1", 10**9), ("50000", 1), ("100000", 1)])
def test_a_cgroup_v1_limit_caps_them_too(tmp_path: Path, affinity: int, quota: str, cpus: int) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text(quota)
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000")
    assert count_available_cpus(tmp_path) == min(affinity, cpus)
