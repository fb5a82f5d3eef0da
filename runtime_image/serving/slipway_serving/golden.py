"""Runs the manifest's golden request: a model that cannot reproduce its own answer is never ready."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from slipway_contract.manifest import Golden, GoldenTensor
from slipway_serving.errors import RequestError, StartupError

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class GoldenReport:
    """The worst difference from the expected answer, and the absolute tolerance it was held to."""

    max_abs_diff: float
    tolerance: float


def check_golden(golden: Golden, run: Callable[[dict[str, Array]], dict[str, Array]]) -> GoldenReport:
    """Run the golden request and compare every output.

    Raises:
        StartupError: names the output that is wrong, and by how much.
    """
    try:
        got = run({tensor.name: _array(tensor) for tensor in golden.inputs})
    except RequestError as error:
        raise StartupError(f"the golden request failed: {error}") from error
    worst = 0.0
    for expected in golden.outputs:
        if expected.name not in got:
            raise StartupError(f"the golden request expects output {expected.name!r}, which the model does not have")
        worst = max(worst, _compare(expected, got[expected.name], golden))
    return GoldenReport(max_abs_diff=worst, tolerance=golden.atol)


def _array(tensor: GoldenTensor) -> Array:
    # A NaN is null in the manifest, because JSON has none; float arrays read None as NaN.
    return np.array(tensor.data, dtype=tensor.dtype).reshape(tensor.shape)


def _compare(expected: GoldenTensor, got: Array, golden: Golden) -> float:
    want = _array(expected)
    if got.shape != want.shape or got.dtype != want.dtype:
        raise StartupError(
            f"the golden request's output {expected.name!r} is {got.dtype}{list(got.shape)}, "
            f"expected {want.dtype}{list(want.shape)}"
        )
    wide_got, wide_want = got.astype(np.float64), want.astype(np.float64)
    wrong = ~np.isclose(wide_got, wide_want, rtol=golden.rtol, atol=golden.atol, equal_nan=True)
    with np.errstate(invalid="ignore"):
        difference = np.nan_to_num(np.abs(wide_got - wide_want), nan=0.0, posinf=np.inf)
    worst = float(difference.max(initial=0.0))
    if wrong.any():
        raise StartupError(
            f"the golden request's output {expected.name!r} differs from the expected answer by up to {worst:.3g} "
            f"in {int(wrong.sum())} of {wrong.size} values (atol {golden.atol:g}, rtol {golden.rtol:g})"
        )
    return worst
