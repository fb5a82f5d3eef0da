"""A context for the quantizers without a Job around it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from slipway_optimizer.arrays import Feeds
from slipway_optimizer.data.columns import EqualRows
from slipway_optimizer.data.dataset import Dataset
from slipway_optimizer.data.layout import row_layout
from slipway_optimizer.quantize import QuantizeContext
from slipway_optimizer.spec import Input
from slipway_optimizer.spec.quantize import Quantize


def dataset_of(feeds: Feeds) -> Dataset:
    """Rows from arrays that have them first."""
    inputs = [
        Input(name=name, dtype=str(array.dtype), shape=["batch", *array.shape[1:]]) for name, array in feeds.items()
    ]
    columns = {name: EqualRows(array, array.dtype) for name, array in feeds.items()}
    return Dataset(columns, None, row_layout(inputs), np.arange(len(next(iter(feeds.values())))))


def context_of(
    folder: Path,
    feeds: Feeds,
    outputs: list[str],
    *,
    calibrated: bool = True,
    score: Callable[[Path], float] | None = None,
    max_drop: float = 0.0,
    **settings: Any,
) -> QuantizeContext:
    """Calibrates on the rows of `feeds`; the first is the example."""
    return QuantizeContext(
        settings=Quantize.model_validate(settings),
        outputs=outputs,
        threads=2,
        scratch=folder / "scratch",
        example={name: array[:1] for name, array in feeds.items()},
        calibration=dataset_of(feeds) if calibrated else None,
        score=score,
        max_drop=max_drop,
        needs_speed=False,
    )
