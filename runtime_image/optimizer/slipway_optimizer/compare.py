"""How far two answers are apart, and how far they may be."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from slipway_optimizer.arrays import Array


@dataclass(frozen=True)
class Tolerance:
    """How far an answer may be off.

    Attributes:
        absolute: in the worst place, as a share of the largest expected value.
        relative: in the worst place, beside that, as a share of the value expected there.
        typical: root mean square of the error over that of the answer.
    """

    absolute: float
    relative: float
    typical: float


# By the coarsest floating-point dtype on the way from the inputs to the output. The last digits differ between two
# correct ways to compute one thing; a constant that was rounded, or an approximation, shows long before these.
TOLERANCES: Final[dict[str, Tolerance]] = {
    "float64": Tolerance(1e-6, 1e-5, 1e-6),
    "float32": Tolerance(1e-4, 1e-3, 1e-4),
    "float16": Tolerance(1e-2, 1e-2, 5e-3),
    "bfloat16": Tolerance(5e-2, 5e-2, 2e-2),
}
COARSER: Final = ("float64", "float32", "float16", "bfloat16")
# Below this an answer counts as zero: what is left of a sum that cancels depends on the order of its terms.
SMALLEST_SCALE: Final = 1e-5


@dataclass(frozen=True)
class Difference:
    """Worst absolute difference and typical one (the error's root mean square over the answer's), and what may be."""

    worst: float
    allowed: float
    relative: float
    allowed_relative: float
    same: bool

    @property
    def words(self) -> str:
        """As in `by up to 0.3 and typically by 2 % (allowed: ...)`."""
        allowed = f"allowed: {self.allowed:.3g} and {self.allowed_relative:.2%}"
        return f"by up to {self.worst:.3g} and typically by {self.relative:.2%} ({allowed})"


def compare(expected: Array, got: Array, precision: str = "float64") -> Difference:
    """Compare one output of two models of equal shape and dtype; NaN equals NaN.

    Args:
        expected: the right answer.
        got: the answer in question.
        precision: the coarsest floating-point dtype that the model computes with, where it is coarser than the output.
    """
    if expected.dtype.kind != "f":
        equal = bool(np.array_equal(expected, got))
        worst = 0.0 if equal else float(np.abs(expected.astype(np.float64) - got.astype(np.float64)).max())
        return Difference(worst, 0.0, float(np.mean(expected != got)) if expected.size else 0.0, 0.0, equal)
    want, have = expected.astype(np.float64), got.astype(np.float64)
    alike = (want == have) | (np.isnan(want) & np.isnan(have))
    with np.errstate(invalid="ignore"):
        error = np.where(alike, 0.0, np.abs(want - have))
    finite = np.abs(want[np.isfinite(want)])
    scale = max(float(finite.max(initial=0.0)), SMALLEST_SCALE)
    tolerance = TOLERANCES[max(str(expected.dtype), precision, key=COARSER.index)]
    allowed = tolerance.absolute * scale + tolerance.relative * np.where(np.isfinite(want), np.abs(want), 0.0)
    size = float(np.sqrt(np.mean(np.square(finite)))) if finite.size else 0.0
    typical = float(np.sqrt(np.mean(np.square(error)))) / max(size, SMALLEST_SCALE) if error.size else 0.0
    return Difference(
        worst=float(error.max(initial=0.0)),
        allowed=tolerance.absolute * scale,
        relative=typical,
        allowed_relative=tolerance.typical,
        same=bool((error <= allowed).all()) and typical <= tolerance.typical,
    )


def mismatch(expected: Sequence[Array], got: Sequence[Array], names: Sequence[str]) -> str | None:
    """Say which output differs in number, shape or dtype, if one does."""
    for name, want, have in zip(names, expected, got, strict=True):
        if want.shape != have.shape:
            return f"{name} has shape {list(have.shape)} instead of {list(want.shape)}"
        if want.dtype != have.dtype:
            return f"{name} is {have.dtype} instead of {want.dtype}"
    return None
