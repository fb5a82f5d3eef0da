"""Calibration sees each value once: what comes later may be a billion times as large, or no number at all."""

import numpy as np
import pytest

from slipway_optimizer.quantize.calibrate import Ranges
from slipway_optimizer.quantize.histogram import Histogram

RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize("scales", [(1, 1, 1), (1e-9, 1, 1e6), (1e6, 1, 1e-9), (0, 0, 1), (1, 3, 0)])
def test_a_histogram_in_one_pass_counts_what_one_of_all_values_counts(scales):
    parts = [np.float32(scale) * RANDOM.standard_normal(4000, dtype=np.float32) for scale in scales]
    histogram = Histogram()
    for part in parts:
        histogram.add(part, float(np.abs(part).max()))
    values = np.concatenate(parts)
    largest = float(np.abs(values).max())
    counts, edges = histogram.read(largest, 256)
    expected, _ = np.histogram(values, 256, range=(-largest, largest))
    assert counts.sum() == values.size
    assert (edges[0], edges[-1]) == (pytest.approx(-largest), pytest.approx(largest))
    # A value on the border of two bins may be in either.
    below, expected_below = np.cumsum(counts), np.cumsum(expected)
    assert (below[:-1] <= expected_below[1:]).all()
    assert (below[1:] >= expected_below[:-1]).all()


def test_zeros_alone_have_no_range():
    histogram = Histogram()
    histogram.add(np.zeros(8, np.float32), 0.0)
    assert (histogram.limit, histogram.counts.sum()) == (0.0, 8)


@pytest.mark.parametrize("method", ["MinMax", "Percentile", "Entropy"])
def test_what_is_no_number_has_no_say(method):
    ranges = Ranges()
    ranges.add("x", np.array([[1, np.nan], [-np.inf, 2]], np.float32), histogram=True)
    ranges.add("x", np.array([np.nan, np.inf], np.float32), histogram=True)
    ranges.add("never", np.array([np.nan], np.float32), histogram=True)
    ranges.add("empty", np.zeros((0, 3), np.float32), histogram=True)
    ranges.add("silent", np.zeros(4, np.float32), histogram=True)
    found = ranges.by(method)
    assert set(found.keys()) == {"x", "silent"}
    low, high = found["x"].range_value
    assert 1 - 1e-3 <= low <= high <= 2
    assert found["silent"].range_value == (0, 0)
