"""How far two answers are apart, and how far they may be."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from slipway_optimizer.arrays import Array

# (absolute, as a share of the largest expected value; relative), by dtype of the output.
TOLERANCES: Final[dict[str, tuple[float, float]]] = {
    "float64": (1e-4, 1e-3),
    "float32": (1e-4, 1e-3),
    "float16": (1e-2, 1e-2),
}
# Below this an answer counts as zero: what is left of a sum that cancels depends on the order of its terms.
SMALLEST_SCALE: Final = 1e-5


@dataclass(frozen=True)
class Difference:
    """Worst absolute difference, what was allowed there, and the error's root mean square over the answer's."""

    worst: float
    allowed: float
    relative: float
    same: bool


def compare(expected: Array, got: Array) -> Difference:
    """Compare one output of two models of equal shape and dtype; NaN equals NaN."""
    if expected.dtype.kind != "f":
        equal = bool(np.array_equal(expected, got))
        worst = 0.0 if equal else float(np.abs(expected.astype(np.float64) - got.astype(np.float64)).max())
        return Difference(worst, 0.0, float(np.mean(expected != got)) if expected.size else 0.0, equal)
    want, have = expected.astype(np.float64), got.astype(np.float64)
    alike = (want == have) | (np.isnan(want) & np.isnan(have))
    with np.errstate(invalid="ignore"):
        error = np.where(alike, 0.0, np.abs(want - have))
    finite = np.abs(want[np.isfinite(want)])
    scale = max(float(finite.max(initial=0.0)), SMALLEST_SCALE)
    absolute, relative = TOLERANCES[str(expected.dtype)]
    allowed = absolute * scale + relative * np.where(np.isfinite(want), np.abs(want), 0.0)
    worst = float(error.max(initial=0.0))
    size = float(np.sqrt(np.mean(np.square(finite)))) if finite.size else 0.0
    return Difference(
        worst=worst,
        allowed=absolute * scale,
        relative=float(np.sqrt(np.mean(np.square(error)))) / max(size, SMALLEST_SCALE) if error.size else 0.0,
        same=bool((error <= allowed).all()),
    )


def mismatch(expected: Sequence[Array], got: Sequence[Array], names: Sequence[str]) -> str | None:
    """Say which output differs in number, shape or dtype, if one does."""
    for name, want, have in zip(names, expected, got, strict=True):
        if want.shape != have.shape:
            return f"{name} has shape {list(have.shape)} instead of {list(want.shape)}"
        if want.dtype != have.dtype:
            return f"{name} is {have.dtype} instead of {want.dtype}"
    return None
