"""The golden request: what any server of this artifact has to answer before it may call itself ready."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from slipway_contract.manifest import Golden, GoldenTensor, Variant
from slipway_optimizer import reasons
from slipway_optimizer.arrays import Array, Feeds
from slipway_optimizer.axes import Sizes
from slipway_optimizer.errors import UserError
from slipway_optimizer.samples import Sampler

# Share of the largest expected value. Other execution providers differ from ONNX Runtime's CPU by far more than two
# runs on one machine do (TF32 keeps 10 bits of mantissa); wrong weights differ by the value itself.
TOLERANCE: Final[dict[Variant, float]] = {
    "FP32": 0.01,
    "FP16": 0.03,
    "DynamicINT8": 0.08,
    "StaticINT8": 0.08,
    "INT4": 0.08,
}
# Few digits keep a request for an image below a megabyte of JSON.
DECIMALS: Final = 2
SMALLEST_ATOL: Final = 1e-6
SEEDS: Final = range(100, 105)

Run = Callable[[Feeds], list[Array]]


def make_golden(
    run: Run,
    sampler: Sampler,
    sizes: Sizes,
    outputs: Sequence[str],
    variant: Variant,
    converted: Callable[[Feeds], Feeds] = dict,
) -> Golden:
    """Draw a request, ask the chosen model, and fix how far another server may be off.

    Args:
        run: asks it.
        sampler: draws requests with the declared dtypes.
        sizes: of the dynamic axes.
        outputs: names, in declared order.
        variant: decides how far another server may be off.
        converted: gives a request the dtypes that the model takes.

    Raises:
        UserError: the model answers nothing but NaN or infinity.
    """
    for seed in SEEDS:
        feeds = converted({name: _short(array) for name, array in sampler.draw(sizes, seed).items()})
        answers = run(feeds)
        if all(bool(np.isfinite(answer).all()) for answer in answers if answer.dtype.kind == "f"):
            break
    else:
        message = (
            "The model answers NaN or infinity to every request that was tried: check its weights and "
            "spec.model.inputs."
        )
        raise UserError(reasons.OUTPUT_MISMATCH, message)
    share = TOLERANCE[variant]
    return Golden(
        inputs=[_tensor(name, array) for name, array in feeds.items()],
        outputs=[_tensor(name, array, _atol(array, share)) for name, array in zip(outputs, answers, strict=True)],
        atol=max((_atol(array, share) for array in answers), default=SMALLEST_ATOL),
        rtol=share,
    )


def _atol(answer: Array, share: float) -> float:
    """By the answer's own scale: beside logits of 20, a probability of 0.01 would pass whatever it is."""
    if answer.dtype.kind != "f":
        return 0.0
    return max(share * float(np.abs(answer).max(initial=0.0)), SMALLEST_ATOL)


def _short(array: Array) -> Array:
    return np.asarray(np.round(array, DECIMALS)) if array.dtype.kind == "f" else array


def _tensor(name: str, array: Array, atol: float | None = None) -> GoldenTensor:
    return GoldenTensor.model_validate(
        {"name": name, "dtype": str(array.dtype), "shape": list(array.shape), "data": _numbers(array), "atol": atol}
    )


def _numbers(array: Array) -> list[Any]:
    """Shortest decimals that read back as the same float, so that 0.1 in float32 is 0.1 in JSON."""
    if array.dtype in {np.dtype("float32"), np.dtype("float16")}:
        return [float(str(value)) for value in array.ravel()]
    return list(array.ravel().tolist())
