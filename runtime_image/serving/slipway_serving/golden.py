"""Runs the manifest's golden request: a model that cannot reproduce its own answer is never ready."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from slipway_contract.manifest import Golden, GoldenTensor
from slipway_serving.datatypes import DATATYPES, bfloat16_to_float32, float32_to_bfloat16
from slipway_serving.errors import RequestError, StartupError

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class GoldenReport:
    """The difference from the expected answer where it came closest to its absolute tolerance, and this tolerance."""

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
    reports = []
    for expected in golden.outputs:
        if expected.name not in got:
            raise StartupError(f"the golden request expects output {expected.name!r}, which the model does not have")
        tolerance = golden.atol if expected.atol is None else expected.atol
        reports.append(GoldenReport(_compare(expected, got[expected.name], tolerance, golden.rtol), tolerance))
    return max(reports, key=_strain, default=GoldenReport(0.0, golden.atol))


def _strain(report: GoldenReport) -> float:
    """How much of the tolerance is used up."""
    return report.max_abs_diff / report.tolerance if report.tolerance else report.max_abs_diff


def _array(tensor: GoldenTensor) -> Array:
    # A NaN is null in the manifest, because JSON has none; float arrays read None as NaN.
    if tensor.dtype == "bfloat16":
        return float32_to_bfloat16(np.array(tensor.data, dtype=np.float32)).reshape(tensor.shape)
    return np.array(tensor.data, dtype=DATATYPES[tensor.dtype].held).reshape(tensor.shape)


def _compare(expected: GoldenTensor, got: Array, atol: float, rtol: float) -> float:
    want = _array(expected)
    if got.shape != want.shape or got.dtype != want.dtype:
        raise StartupError(
            f"the golden request's output {expected.name!r} is {got.dtype}{list(got.shape)}, "
            f"expected {want.dtype}{list(want.shape)}"
        )
    if expected.dtype == "string":
        return _compare_text(expected.name, got, want)
    if expected.dtype == "bfloat16":
        got, want = bfloat16_to_float32(got), bfloat16_to_float32(want)
    wide_got, wide_want = got.astype(np.float64), want.astype(np.float64)
    wrong = ~np.isclose(wide_got, wide_want, rtol=rtol, atol=atol, equal_nan=True)
    with np.errstate(invalid="ignore"):
        difference = np.abs(wide_got - wide_want)
    # Two NaN are the same, and so are two infinities; a NaN alone is as wrong as can be.
    difference = np.where(np.isnan(difference), np.where(wrong, np.inf, 0.0), difference)
    worst = float(difference.max(initial=0.0))
    if wrong.any():
        raise StartupError(
            f"the golden request's output {expected.name!r} differs from the expected answer by up to {worst:.3g} "
            f"in {int(wrong.sum())} of {wrong.size} values (atol {atol:g}, rtol {rtol:g})"
        )
    return worst


def _compare_text(name: str, got: Array, want: Array) -> float:
    wrong = got != want
    if wrong.any():
        raise StartupError(
            f"the golden request's output {name!r} differs from the expected answer in {int(wrong.sum())} of "
            f"{wrong.size} strings"
        )
    return 0.0
