"""For which sizes a TensorRT engine is built: the numbers of rows that serving may ask for.

No I/O.
"""

from collections.abc import Sequence
from typing import Final

from slipway_optimizer.arrays import shape_at
from slipway_optimizer.spec import Input

# Smallest, usual and largest number of rows. Batches are never larger than what the curve is measured to.
ROWS: Final = {"min": 1, "opt": 8, "max": 64}


def engine_shapes(inputs: Sequence[Input]) -> dict[str, str]:
    """TensorRT's settings for the shapes of the inputs; empty where more than the number of rows is dynamic."""
    axes = {axis for tensor in inputs for axis in tensor.dynamic_axes.values()}
    if axes != {tensor.shape[0] for tensor in inputs if tensor.shape}:
        return {}
    return {
        f"trt_profile_{which}_shapes": ",".join(
            f"{tensor.name}:{'x'.join(map(str, shape_at(tensor, dict.fromkeys(axes, rows))))}" for tensor in inputs
        )
        for which, rows in ROWS.items()
    }
