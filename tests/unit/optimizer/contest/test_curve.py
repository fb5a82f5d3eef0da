"""From the batch-size curve to serving defaults: the rule as a table."""

import pytest
from support.hand_clock import HandClock, hand_clock

from slipway_contract.manifest import BatchPoint
from slipway_optimizer.contest import curve as curves
from slipway_optimizer.contest import measure as measuring
from slipway_optimizer.contest.curve import Curve, has_flattened, measure_curve, serving_defaults


def curve(*milliseconds, noise=0.0):
    """A call of 1, 2, 4, ... rows takes this long; the gain is sure up to a share."""
    points = [
        BatchPoint(batch_size=1 << step, p50_us=taken * 1000, rows_per_second=(1 << step) / taken * 1000)
        for step, taken in enumerate(milliseconds)
    ]
    gains = {point.batch_size: point.rows_per_second / points[0].rows_per_second * (1 - noise) for point in points}
    return Curve(points, gains)


@pytest.mark.parametrize(
    ("points", "max_latency_us", "batch", "in_flight"),
    [
        pytest.param(curve(20, 40, 80), None, 1, 2, id="rows cost as much together: no batching"),
        pytest.param(curve(20, 36, 68), None, 1, 2, id="a gain below a fifth does not pay"),
        pytest.param(curve(10, 11, 13, 17, 34, 66), None, 8, 16, id="the smallest that is nearly the best"),
        pytest.param(curve(1, 1.05, 1.1, 1.2, 1.4, 1.8, 2.6), None, 32, 64, id="still growing"),
        pytest.param(curve(0.02, 0.022, 0.024), None, 1, 38, id="requests cost more than the model: no batching"),
        pytest.param(curve(10, 11, 13, 17, 34, 66), 15_000, 4, 8, id="a call may not take longer than maxLatency"),
        pytest.param(curve(20, 21), 15_000, 1, 2, id="not even one row"),
        pytest.param(curve(10, 14, 24, 44, noise=0.4), None, 1, 2, id="a gain inside the noise does not pay"),
        pytest.param(Curve(curve(10, 11, 13).points), None, 1, 2, id="too few calls to be sure"),
        pytest.param(curve(5), None, 1, 3, id="one point"),
        pytest.param(curve(0.1, 0.2, 0.4), None, 1, 33, id="a fast model works off many in a moment"),
        pytest.param(curve(3000), None, 1, 2, id="a slow one has one at work and one waiting"),
    ],
)
def test_serving_defaults(points, max_latency_us, batch, in_flight):
    serving = serving_defaults(points, max_latency_us)
    assert (serving.batch_max_size, serving.in_flight) == (batch, in_flight)
    assert serving.batch_curve == points.points


@pytest.mark.parametrize(
    ("rates", "flat"),
    [
        ([100, 100], False),
        ([100, 100, 100], True),
        ([100, 133, 137], False),
        ([100, 181, 333, 333, 333], True),
        ([100, 100, 200], False),
    ],
)
def test_two_doublings_that_bring_nothing_end_it(rates, flat):
    assert has_flattened(rates) is flat


@pytest.fixture
def clock(monkeypatch) -> HandClock:
    return hand_clock(monkeypatch, curves, measuring)


def sizes(measured):
    return [point.batch_size for point in measured.points]


def test_the_curve_is_measured_until_rows_do_not_fit(clock):
    def call_of(rows):
        def call():
            if rows > 4:
                raise RuntimeError("Failed to allocate memory")
            clock.passes(0.001)

        return call

    measured = measure_curve(call_of, most_rows=64)
    assert sizes(measured) == [1, 2, 4]
    assert measured.sure_gains == {1: 1.0, 2: 2.0, 4: 4.0}
    assert sizes(measure_curve(call_of, most_rows=3)) == [1, 2]


def test_the_curve_ends_with_the_first_call_that_takes_too_long(clock):
    measured = measure_curve(lambda rows: clock.call_of(0.01 + 0.005 * rows), 64, max_latency_us=38_000.0)
    assert sizes(measured) == [1, 2, 4, 8]


def test_one_slow_moment_does_not_end_the_curve(clock):
    """Another process had the CPU during the first call that was timed."""
    moments = iter([0.001, 2.0])

    def call_of(rows):
        return lambda: clock.passes(next(moments, 0.001))

    assert sizes(measure_curve(call_of, most_rows=4)) == [1, 2, 4]


def test_a_model_that_fails_on_one_row_is_a_failure():
    def fail():
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        measure_curve(lambda rows: fail, 64)
