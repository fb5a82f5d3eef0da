"""What a candidate's `details` hold, as something to show: figures, tables and bars.

The steps that make candidates decide what is in there; only the shape of a value decides how it looks.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

MOST_ROWS: Final = 60
UNKNOWN: Final = "-"
LARGE: Final = 1e4
HUGE: Final = 1e15


@dataclass(frozen=True)
class Table:
    """Rows of equal columns. `bars` holds a share from 0 to 1 for each row, where a column can be drawn."""

    title: str
    columns: list[str]
    rows: list[list[str]]
    bars: list[float] | None = None
    left_out: int = 0


@dataclass(frozen=True)
class Details:
    """The details of one candidate."""

    figures: list[tuple[str, str]] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)


def lay_out(details: Mapping[str, Any]) -> Details:
    """Simple values become figures, lists of objects tables, objects figures with a longer name."""
    laid = Details()
    _add(laid, details, "")
    return laid


def words(key: str) -> str:
    """`sparsityReached` or `sparsity_reached` as words."""
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|_", " ", key).strip()
    return text[:1].upper() + text[1:].lower() if not text.isupper() else text


def text(value: Any) -> str:
    """A value in a cell."""
    if value is None:
        return UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return number(value)
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(text(item) for item in value)
    return str(value)


def number(value: float) -> str:
    """Four digits that matter, and large numbers without an exponent."""
    return f"{value:,.0f}" if LARGE <= abs(value) < HUGE else f"{value:.4g}"


def _add(laid: Details, details: Mapping[str, Any], prefix: str) -> None:
    for key, value in details.items():
        title = f"{prefix}{words(key).lower()}" if prefix else words(key)
        if isinstance(value, Mapping):
            _add(laid, value, f"{title}: ")
        elif isinstance(value, list) and value and all(isinstance(item, Mapping) for item in value):
            laid.tables.append(_table(title, value))
        else:
            laid.figures.append((title, text(value)))


def _table(title: str, items: Sequence[Mapping[str, Any]]) -> Table:
    keys = list(dict.fromkeys(key for item in items for key in item))
    shown = items[:MOST_ROWS]
    return Table(
        title,
        [words(key) for key in keys],
        [[text(item.get(key)) for key in keys] for item in shown],
        _bars(keys, shown),
        len(items) - len(shown),
    )


def _bars(keys: Sequence[str], items: Sequence[Mapping[str, Any]]) -> list[float] | None:
    """Of the last column that holds only numbers, if there is one."""
    for key in reversed(keys):
        values = [value for item in items if isinstance(value := item.get(key), float)]
        if len(values) == len(items):
            most = max(abs(value) for value in values)
            return [round(max(value, 0.0) / most, 3) if most else 0.0 for value in values]
    return None
