"""Where the spec gives a value to pad with, rows of several sizes share a request; else only rows of one size do."""

from collections.abc import Mapping

from slipway_optimizer.data.columns import Column, PaddedRows, UnequalRows
from slipway_optimizer.data.layout import IGNORED_LABEL, RowLayout


def padded(
    columns: Mapping[str, Column], labels: Column | None, layout: RowLayout
) -> tuple[dict[str, Column], Column | None]:
    """Pad the inputs as declared, and class labels of several sizes, one for each position, with them."""
    values = {tensor.name: tensor.pad_value for tensor in layout.inputs}
    ready = {name: _padded(column, values[name]) for name, column in columns.items()}
    # There is nothing to fill up labels that are quantities with: they keep rows of unequal size apart.
    fills = (
        isinstance(labels, UnequalRows) and labels.dtype.kind in "iu" and any(v is not None for v in values.values())
    )
    return ready, _padded(labels, IGNORED_LABEL) if fills and labels is not None else labels


def _padded(column: Column, value: float | None) -> Column:
    return PaddedRows(column, value) if value is not None and isinstance(column, UnequalRows) else column
