"""Axes: every value inside, and round numbers beside them."""

import pytest

from slipway_optimizer.report.scale import scale_for


@pytest.mark.parametrize(
    ("values", "logarithmic"),
    [
        ([1.0, 2.0], False),
        ([0.98, 0.985], False),
        ([3.0, 300.0], True),
        ([5.0], False),
        ([0.0], False),
        ([-1.0, 8.0], False),
    ],
)
def test_every_value_has_its_place_in_order(values, logarithmic):
    scale = scale_for(values, 80, 700, may_be_logarithmic=True)
    places = [scale.place(value) for value in values]
    assert scale.logarithmic is logarithmic
    assert places == sorted(places)
    assert all(80 < place < 700 for place in places)


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ([0.0, 10.0], [0.0, 5.0, 10.0]),
        ([0.9, 1.0], [0.9, 0.95, 1.0]),
        ([3.0, 300.0], [5.0, 10.0, 20.0, 50.0, 100.0, 200.0]),
    ],
)
def test_ticks_are_round(values, ticks):
    scale = scale_for(values, 0, 100, may_be_logarithmic=True)
    assert scale.ticks() == pytest.approx(ticks)
