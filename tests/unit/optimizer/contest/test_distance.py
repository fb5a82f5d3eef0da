"""How far off a variant is: over all requests, and of the worst output."""

import numpy as np
import pytest
from support.optimizer import model_spec

from slipway_optimizer.contest.distance import ROWS, distance, sample_rows
from slipway_optimizer.data import read_data


def known(*answers):
    return [({"x": np.array([number])}, list(answer)) for number, answer in enumerate(answers)]


REFERENCE = known(
    (np.array([3.0]), np.array([1.0, 1.0])),
    (np.array([1e-6]), np.array([1.0, 1.0])),
)


def run_with(changes):
    return lambda feeds: [want + change for want, change in zip(REFERENCE[int(feeds["x"][0])][1], changes, strict=True)]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ((0.0, 0.0), 0.0),
        ((0.03, 0.0), 0.03 * np.sqrt(2) / 3),
        ((0.0, 2.0), 2.0),
        ((0.0, np.nan), np.inf),
    ],
)
def test_a_small_answer_does_not_count_more_than_a_large_one_and_no_output_is_forgotten(changes, expected):
    assert distance(run_with(changes), REFERENCE) == pytest.approx(expected, rel=1e-3)


def test_another_shape_is_as_far_as_can_be():
    assert distance(lambda feeds: [np.zeros(2), np.zeros(2)], REFERENCE) == np.inf


@pytest.mark.parametrize(("rows", "picked"), [(3, 3), (1000, ROWS)])
def test_rows_from_all_over_the_data(tmp_path, rows, picked):
    spec = model_spec({"x": ("float32", ["batch", 1])}, ["y"])
    np.savez(tmp_path / "rows.npz", x=np.arange(rows, dtype=np.float32).reshape(rows, 1))
    requests = sample_rows(read_data(tmp_path / "rows.npz", spec.inputs))
    assert len(requests) == picked
    assert [float(feeds["x"][0, 0]) for feeds in (requests[0], requests[-1])] == [0.0, rows - 1]
    assert sample_rows(None) == []
