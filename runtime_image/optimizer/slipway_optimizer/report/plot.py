"""Drawings of the report, as numbers that the template writes into SVG.

No I/O.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from slipway_contract.manifest import BatchPoint, Manifest
from slipway_optimizer.evaluate.direction import LESS_IS_BETTER
from slipway_optimizer.report.details import number
from slipway_optimizer.report.scale import Scale, scale_for

WIDTH: Final = 720
HEIGHT: Final = 360
LEFT, RIGHT, TOP, BOTTOM = 80, 20, 20, 50


@dataclass(frozen=True)
class Mark:
    """A point: its number in the table, what it is, and whether it is served."""

    x: float
    y: float
    number: int
    label: str
    chosen: bool = False


@dataclass(frozen=True)
class Tick:
    at: float
    label: str


@dataclass(frozen=True)
class Plot:
    """A drawing of points. `limit` is the height at which the budget ends, where there is one."""

    title: str
    x_label: str
    y_label: str
    marks: list[Mark]
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    limit: Tick | None = None
    line: str = ""


def candidates_plot(manifest: Manifest) -> Plot | None:
    """Accuracy against latency; without evaluation data, size against latency. None for less than two points."""
    timed = [(number, item) for number, item in enumerate(manifest.candidates, 1) if item.latency]
    metric = manifest.budget.metric if manifest.budget else None
    points = [
        (number, item, item.latency.p50_us / 1000, item.score if metric else (item.size_bytes or 0) / 1e6)
        for number, item in timed
        if item.latency and (item.score is not None or not metric)
    ]
    if len(points) < 2:  # noqa: PLR2004  one point is no comparison
        return None
    xs, ys = [point[2] for point in points], [point[3] or 0.0 for point in points]
    limit = _limit(manifest) if metric else None
    x = scale_for(xs, LEFT, WIDTH - RIGHT, may_be_logarithmic=True)
    y = scale_for([*ys, limit] if limit is not None else ys, HEIGHT - BOTTOM, TOP)
    return Plot(
        title=f"{metric or 'Size'} against latency",
        x_label="Latency of one call, ms" + (" (logarithmic)" if x.logarithmic else ""),
        y_label=metric or "Size, MB",
        marks=[
            Mark(x.place(across), y.place(up or 0.0), number, item.name, item.chosen)
            for number, item, across, up in points
        ],
        x_ticks=_ticks(x),
        y_ticks=_ticks(y),
        limit=None if limit is None else Tick(y.place(limit), "maxDrop"),
    )


def curve_plot(curve: Sequence[BatchPoint]) -> Plot | None:
    """Rows per second by rows in a call."""
    if len(curve) < 2:  # noqa: PLR2004  one point is no curve
        return None
    x = scale_for([point.batch_size for point in curve], LEFT, WIDTH - RIGHT, may_be_logarithmic=True)
    y = scale_for([0.0, *(point.rows_per_second for point in curve)], HEIGHT - BOTTOM, TOP)
    marks = [
        Mark(x.place(point.batch_size), y.place(point.rows_per_second), point.batch_size, _rows(point.batch_size))
        for point in curve
    ]
    return Plot(
        title="Throughput by rows in a call",
        x_label="Rows in a call",
        y_label="Rows per second",
        marks=marks,
        x_ticks=[Tick(x.place(point.batch_size), str(point.batch_size)) for point in curve],
        y_ticks=_ticks(y),
        line=" ".join(f"{mark.x},{mark.y}" for mark in marks),
    )


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count} rows"


def _limit(manifest: Manifest) -> float | None:
    """The score at which `maxDrop` ends."""
    plain, budget = manifest.baseline.score, manifest.budget
    if plain is None or budget is None:
        return None
    return plain + budget.max_drop if budget.metric in LESS_IS_BETTER else plain - budget.max_drop


def _ticks(scale: Scale) -> list[Tick]:
    return [Tick(scale.place(value), number(value)) for value in scale.ticks()]
