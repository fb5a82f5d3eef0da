import time
from functools import partial

import numpy as np
import pytest

from slipway_optimizer.measure import measure


def test_each_round_has_every_contestant_in_an_order_of_its_own():
    said = []
    results = measure({name: partial(said.append, name) for name in "abc"}, batch_size=4, seconds=0.0)
    measured = said[9:]
    rounds = [measured[start : start + 3] for start in range(0, len(measured), 3)]
    assert len(rounds) == results["a"].runs == 10
    assert all(sorted(names) == ["a", "b", "c"] for names in rounds)
    assert {names[0] for names in rounds} == {"a", "b", "c"}
    assert results["a"].batch_size == 4


def test_medians_are_in_microseconds():
    def busy():
        end = time.perf_counter() + 0.002
        while time.perf_counter() < end:
            pass

    latency = measure({"busy": busy}, batch_size=1, seconds=0.0)["busy"]
    assert latency.p50_us == pytest.approx(2000, rel=0.5)
    assert latency.p90_us >= latency.p50_us
    assert np.isfinite(latency.p90_us)
