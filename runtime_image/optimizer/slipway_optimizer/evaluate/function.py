"""A metric of the user's own: a function of all outputs of all rows."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from slipway_optimizer import reasons
from slipway_optimizer.arrays import Array
from slipway_optimizer.callables import Reference, import_callable
from slipway_optimizer.errors import first_line
from slipway_optimizer.evaluate.problem import ScoreError

Outputs = dict[str, Array]
Function = Callable[[Outputs, Array | Outputs], float]


def load_function(path: str, code: Path | None) -> Function:
    """Import `module:callable` and let nothing but a finite number, or a `ScoreError`, come out of it."""
    wanted = Reference(
        path,
        field="spec.optimize.evaluate.function",
        code="spec.model.code",
        not_found=reasons.METRIC_INVALID,
        failed=reasons.METRIC_INVALID,
    )
    function = import_callable(wanted, code)

    def score(outputs: Outputs, labels: Array | Outputs) -> float:
        try:
            value = function(outputs, labels)
        except MemoryError:
            raise
        except (Exception, SystemExit) as error:
            message = f"The function {path} failed with {type(error).__name__}: {first_line(error)}."
            raise ScoreError(message) from error
        return _number(value, path)

    return score


def _number(value: Any, path: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        message = f"The function {path} returned a {type(value).__name__}: it has to return one number."
        raise ScoreError(message) from error
    if not math.isfinite(number):
        raise ScoreError(f"The function {path} returned {number}: it has to return a finite number.")
    return number
