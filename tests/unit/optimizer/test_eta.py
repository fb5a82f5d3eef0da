"""How long a download will still take."""

import pytest

from slipway_optimizer.sources.eta import Eta


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_steady_download():
    clock = Clock()
    eta = Eta(clock)
    assert eta.seconds(0, 1000) is None
    for _ in range(10):
        clock.now += 1
        found = eta.seconds(int(10 * (clock.now - 100)), 1000)
    assert found == pytest.approx(90, abs=1)


def test_what_was_long_ago_does_not_count():
    clock = Clock()
    eta = Eta(clock)
    done = 0
    for rate in [100] * 60 + [10] * 60:
        clock.now += 1
        done += rate
        found = eta.seconds(done, 10_000)
    assert found == pytest.approx((10_000 - done) / 10, rel=0.05)


def test_nobody_can_know_without_a_size_or_without_bytes():
    clock = Clock()
    eta = Eta(clock)
    clock.now += 10
    assert eta.seconds(50, None) is None
    assert eta.seconds(0, 1000) is None
