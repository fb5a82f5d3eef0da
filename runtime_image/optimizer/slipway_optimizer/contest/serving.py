"""Measure a model by number of rows, and say how to serve it."""

from collections.abc import Callable
from functools import partial
from math import prod
from typing import Final

from slipway_contract.manifest import Budget, Serving, TensorSpec, batch_axis
from slipway_optimizer.arrays import Feeds
from slipway_optimizer.artifact import describe_tensors
from slipway_optimizer.contest.curve import measure_curve, serving_defaults
from slipway_optimizer.contest.entry import PLAIN, Entry
from slipway_optimizer.contest.request import rows_of, widen
from slipway_optimizer.workshop import Workshop

# Values in the largest input of a call: activations take many times their room.
MOST_VALUES: Final = 1 << 23


def measure_serving(shop: Workshop, entry: Entry, request: Feeds, budget: Budget) -> Serving:
    """The batch-size curve, and what follows from it; of one point where requests cannot share a call."""
    inputs, axis = _batch(shop, entry)
    run = shop.open_as_served(entry).run
    most_rows = 1

    def call_of(rows: int) -> Callable[[], object]:
        feeds = request if axis is None else widen(request, inputs, axis, rows)
        return partial(run, feeds)

    if axis is not None and rows_of(request) == 1:
        most_rows = MOST_VALUES // max(prod(array.shape) or 1 for array in request.values())
    shop.progress.report("Measure", f"Timing {entry.name} with more rows in a call", 0.9)
    curve = measure_curve(call_of, max(most_rows, 1), budget.max_latency_us)
    return serving_defaults(curve, budget.max_latency_us)


def widest(shop: Workshop, request: Feeds, budget: Budget) -> Feeds:
    """As many rows in a call as serve the throughput of the plain export best: there all are compared."""
    inputs, axis = _batch(shop, PLAIN)
    if axis is None:
        return request
    return widen(request, inputs, axis, measure_serving(shop, PLAIN, request, budget).batch_max_size)


def _batch(shop: Workshop, entry: Entry) -> tuple[list[TensorSpec], str | None]:
    tensors = describe_tensors(shop.file(entry), shop.spec.inputs)
    return tensors["inputs"], batch_axis(tensors["inputs"], tensors["outputs"])
