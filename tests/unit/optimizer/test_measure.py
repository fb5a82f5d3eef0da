import time

import numpy as np
import pytest

from slipway_optimizer.measure import measure


def test_contestants_take_turns():
    order = []
    results = measure({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, batch_size=4, seconds=0.0)
    measured = order[6:]
    assert measured == ["a", "b"] * 10
    assert results["a"].batch_size == 4
    assert results["b"].runs == 10


def test_medians_are_in_microseconds():
    def busy():
        end = time.perf_counter() + 0.002
        while time.perf_counter() < end:
            pass

    latency = measure({"busy": busy}, batch_size=1, seconds=0.0)["busy"]
    assert latency.p50_us == pytest.approx(2000, rel=0.5)
    assert latency.p90_us >= latency.p50_us
    assert np.isfinite(latency.p90_us)
