"""When a watch counts as deaf, with the clock in the test's hand."""

import pytest

from slipway_operator.health import Stream, WatchHealth

JOBS = Stream("jobs", None)
PODS = Stream("pods", "models")
LIMIT = 60.0


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def health(clock: Clock) -> WatchHealth:
    return WatchHealth(LIMIT, clock)


def test_silence_is_no_evidence(health: WatchHealth, clock: Clock) -> None:
    health.delivered(JOBS, "10")
    health.read(JOBS, "a", "10")
    clock.now += 10_000
    health.read(JOBS, "a", "10")

    assert health.deaf() == []


def test_a_change_that_was_read_and_never_delivered(health: WatchHealth, clock: Clock) -> None:
    health.delivered(JOBS, "10")
    health.read(JOBS, "a", "11")
    clock.now += LIMIT - 1
    health.read(JOBS, "a", "11")
    assert health.deaf() == []

    clock.now += 1
    health.read(JOBS, "a", "11")

    (sentence,) = health.deaf()
    assert "the watch of jobs in all namespaces" in sentence


def test_one_that_never_delivered_anything(health: WatchHealth, clock: Clock) -> None:
    health.read(PODS, "a", "5")
    clock.now += LIMIT
    health.read(PODS, "a", "5")

    assert "pods in models" in health.deaf()[0]


def test_an_object_that_changes_all_the_time_does_not_start_anew(health: WatchHealth, clock: Clock) -> None:
    for step in range(7):
        health.read(JOBS, "a", str(10 + step))
        clock.now += 10
    health.read(JOBS, "a", "99")

    assert health.deaf()


def test_a_late_delivery_heals(health: WatchHealth, clock: Clock) -> None:
    health.read(JOBS, "a", "11")
    clock.now += LIMIT
    health.read(JOBS, "a", "11")
    assert health.deaf()

    health.delivered(JOBS, "11")

    assert health.deaf() == []


def test_a_later_event_of_another_object_proves_the_watch(health: WatchHealth, clock: Clock) -> None:
    """Events come in the order of their versions, so the deletion of `a` must have been before."""
    health.read(JOBS, "a", "11")
    health.delivered(JOBS, "12")
    clock.now += LIMIT
    health.read(JOBS, "b", "12")

    assert health.deaf() == []


def test_an_object_that_is_never_read_again_is_no_evidence(health: WatchHealth, clock: Clock) -> None:
    """It was deleted between the read and the watch's first list."""
    health.read(JOBS, "a", "11")
    clock.now += 10 * LIMIT

    assert health.deaf() == []


def test_streams_are_judged_one_by_one(health: WatchHealth, clock: Clock) -> None:
    for stream in (JOBS, PODS):
        health.read(stream, "a", "11")
    health.delivered(PODS, "11")
    clock.now += LIMIT
    for stream in (JOBS, PODS):
        health.read(stream, "a", "11")

    assert len(health.deaf()) == 1


def test_versions_are_numbers_not_text(health: WatchHealth, clock: Clock) -> None:
    health.delivered(JOBS, "100")
    health.read(JOBS, "a", "99")
    clock.now += LIMIT
    health.read(JOBS, "a", "99")

    assert health.deaf() == []


def test_ages(health: WatchHealth, clock: Clock) -> None:
    health.delivered(JOBS, "1")
    clock.now += 7

    assert health.ages() == {JOBS: 7.0}
