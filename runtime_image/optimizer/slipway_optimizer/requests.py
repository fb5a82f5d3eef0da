"""Find requests that the original model accepts: sizes of its dynamic axes, and bounds of its integers."""

import re
from typing import Final

from slipway_optimizer.arrays import Feeds
from slipway_optimizer.axes import AxisPlan, Sizes, plan_axes
from slipway_optimizer.formats.loaded import LoadedModel
from slipway_optimizer.samples import Sampler, cautious_bounds, find_bounds
from slipway_optimizer.verify import check_stateless
from slipway_optimizer.workshop import Workshop

# PyTorch and ONNX Runtime raise a RuntimeError where Python raises a MemoryError.
OUT_OF_MEMORY: Final = re.compile(r"can't allocate memory|Failed to allocate memory|bad_alloc")


def plan_requests(shop: Workshop, original: LoadedModel) -> tuple[Sampler, AxisPlan]:
    """What to ask the original, and everything made from it.

    Raises:
        UserError: the declared inputs do not fit the model, or it keeps state between calls.
    """
    inputs = shop.spec.inputs
    cautious = Sampler(inputs, cautious_bounds(inputs))

    def refusal(sizes: Sizes) -> Exception | None:
        return _refusal(original, cautious.draw(sizes, seed=0))

    plan = plan_axes(inputs, refusal)
    tables = original.lookup_tables()
    bounds = find_bounds(inputs, tables, lambda feeds: _refusal(original, feeds) is None, plan.example)
    sampler = Sampler(inputs, bounds)
    if bounds:
        shop.progress.report("Load", f"Trying the model with {sampler.describe()}", 0.8)
    check_stateless(original.run, sampler, plan, shop.outputs, original.changed_by)
    return sampler, plan


def _refusal(original: LoadedModel, feeds: Feeds) -> Exception | None:
    try:
        original.run(feeds)
    except MemoryError:
        raise
    except Exception as error:
        if OUT_OF_MEMORY.search(str(error)):
            raise MemoryError(str(error)) from error
        return error
    return None
