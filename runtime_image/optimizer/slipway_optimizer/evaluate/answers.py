"""Run a model over a data set, a request at a time."""

from collections.abc import Callable, Iterator, Sequence

from slipway_optimizer.arrays import Array, Feeds
from slipway_optimizer.data import Batch, Dataset

Run = Callable[[Feeds], list[Array]]


def run_all(run: Run, data: Dataset) -> Iterator[tuple[Batch, list[Array]]]:
    """Each request and its outputs, in declared order. Where the model takes no rows, its outputs become one row."""
    alone = all(axis is None for axis in data.layout.axes.values())
    for batch in data.batches():
        outputs = run(batch.feeds)
        yield batch, [output[None] for output in outputs] if alone else outputs


def has_rows(output: Array, batch: Batch) -> bool:
    """Whether an output has one answer a row, first axis rows."""
    return output.ndim > 0 and len(output) == len(batch.rows)


def in_row_order(parts: Sequence[tuple[Array, Array]], rows: int) -> list[Array]:
    """The values of each row.

    Args:
        parts: row numbers, and values of these rows.
        rows: how many there are in all.
    """
    ordered: dict[int, Array] = {}
    for numbers, values in parts:
        ordered.update(zip(numbers.tolist(), values, strict=True))
    return [ordered[row] for row in range(rows)]
