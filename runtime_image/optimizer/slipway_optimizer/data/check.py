"""Whether values fit the input that they are meant for."""

from collections.abc import Sequence

import numpy as np

from slipway_optimizer.arrays import Array
from slipway_optimizer.data.problem import DataProblemError


def fits(shape: Sequence[int], declared: Sequence[int | str]) -> bool:
    """Whether the shape of a row is as declared; a name stands for any size but zero."""
    return len(shape) == len(declared) and all(
        have > 0 if isinstance(want, str) else want == have for want, have in zip(declared, shape, strict=True)
    )


def said(declared: Sequence[int | str]) -> str:
    return f"[{', '.join(str(size) for size in declared)}]"


def check_values(name: str, values: Array, dtype: np.dtype[np.generic], first_row: int = 0) -> None:
    """Refuse values that the dtype cannot hold: numbers out of range, and fractions where integers are declared.

    Args:
        name: the column.
        values: rows first.
        dtype: what the input is declared as.
        first_row: the number of the first of these rows.
    """
    if values.dtype.kind not in "biuf":
        raise DataProblemError(f"its column {name} holds {values.dtype}, not numbers")
    if values.dtype == dtype or not values.size:
        return
    with np.errstate(invalid="ignore", over="ignore"):
        cast = values.astype(dtype)
        changed = cast != values if dtype.kind in "biu" else np.isinf(cast) & np.isfinite(values)
    if changed.any():
        where = np.argwhere(changed)[0]
        message = f"row {first_row + int(where[0])} of its column {name} holds {values[tuple(where)]}, and the spec "
        raise DataProblemError(message + f"declares {dtype}")
