"""How far a variant's answers are from those of what it was made from, on the rows that the user cares about.

The metric judges one output; this looks at all of them, such as the state that the next call gets. Random requests are
no measure where there is data: what was calibrated on sound is not made for noise.
"""

from collections.abc import Sequence
from math import inf
from typing import Final

import numpy as np

from slipway_optimizer.arrays import Array, Feeds
from slipway_optimizer.data import Dataset
from slipway_optimizer.evaluate import Run

ROWS: Final = 16
SMALLEST: Final = 1e-12

Known = Sequence[tuple[Feeds, list[Array]]]


def sample_rows(data: Dataset | None) -> list[Feeds]:
    """Some rows from all over the data, each a request."""
    if data is None:
        return []
    picked = np.unique(np.linspace(0, data.rows - 1, min(ROWS, data.rows)).astype(np.int64))
    return list(data.subset(picked).chunks(1))


def distance(run: Run, known: Known) -> float:
    """Root mean square of the error over that of the answer, over all requests; that of the output which is worst."""
    answers = [run(feeds) for feeds, _ in known]
    pairs = [list(zip(want, got, strict=True)) for (_, want), got in zip(known, answers, strict=True)]
    return max(_relative(of_one_output) for of_one_output in zip(*pairs, strict=True))


def _relative(pairs: Sequence[tuple[Array, Array]]) -> float:
    size = error = 0.0
    for expected, got in pairs:
        if expected.shape != got.shape:
            return inf
        want, have = expected.astype(np.float64), got.astype(np.float64)
        alike = (want == have) | (np.isnan(want) & np.isnan(have))
        with np.errstate(invalid="ignore"):
            error += float(np.square(np.where(alike, 0.0, have - want)).sum())
        size += float(np.square(want[np.isfinite(want)]).sum())
    return float(np.sqrt(error / max(size, SMALLEST))) if np.isfinite(error) else inf
