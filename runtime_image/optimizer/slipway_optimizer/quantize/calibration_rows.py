"""Where calibration gets its rows from, when the user gave none for it: a part of the evaluation data.

What ranges were found on is not scored: that would flatter them.
"""

from typing import Final

import numpy as np

from slipway_optimizer.arrays import Array
from slipway_optimizer.data.dataset import Dataset

MOST_ROWS: Final = 64
FEWEST_ROWS: Final = 8
# Of the evaluation data. The rest has to say what a variant costs.
LARGEST_SHARE: Final = 0.25


def divide(data: Dataset) -> tuple[Dataset | None, Dataset]:
    """Take rows for calibration out of the evaluation data, evenly from all over it.

    Rows with the same inputs stay together on the side that is scored.

    Returns:
        The rows for calibration, None where the data has too few, and the rows that are scored.
    """
    wanted = min(MOST_ROWS, int(data.rows * LARGEST_SHARE))
    if wanted < FEWEST_ROWS:
        return None, data
    digests = data.row_digests()
    taken = set(spread(data.rows, wanted).tolist())
    judged = {digests[row] for row in range(data.rows) if row not in taken}
    kept = sorted(row for row in taken if digests[row] not in judged)
    if len(kept) < FEWEST_ROWS:
        return None, data
    return data.subset(kept), data.subset([row for row in range(data.rows) if row not in set(kept)])


def spread(rows: int, wanted: int) -> Array:
    """Numbers of so many rows, or of all where there are fewer, evenly from first to last."""
    return np.unique(np.linspace(0, rows - 1, min(rows, wanted)).astype(np.int64))
