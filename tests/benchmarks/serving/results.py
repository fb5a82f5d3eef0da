"""The figures as a page with ratios, as JSON, and as a plot."""

import json
import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from serving.environments import PLOT, python_of
from serving.starting import BARE
from serving.targets import Target, targets
from serving.throughput import LOOP

FOLDER = Path(__file__).parents[1] / "results"
PAGE, NUMBERS, PICTURE = (FOLDER / f"serving.{suffix}" for suffix in ("md", "json", "svg"))
MEGABYTE = 1_000_000

Rows = list[dict[str, Any]]


@dataclass
class Results:
    """Sections that were not asked for are empty."""

    throughput: Rows = field(default_factory=list)
    starts: Rows = field(default_factory=list)
    overload: dict[str, Any] = field(default_factory=dict)
    drains: dict[str, Any] = field(default_factory=dict)


def write(results: Results) -> str:
    """Everything under `results/`; the page is returned."""
    FOLDER.mkdir(exist_ok=True)
    page = render(results)
    PAGE.write_text(page)
    NUMBERS.write_text(json.dumps({"machine": machine(), **asdict(results)}, indent=1) + "\n")
    if results.throughput:
        subprocess.run([python_of("plot"), str(PLOT / "draw.py"), str(NUMBERS), str(PICTURE)], check=True)
    return page


def render(results: Results) -> str:
    lines = [
        "# Serving: Slipway beside other servers",
        "",
        f"`make bench-serving`, {datetime.now(UTC):%d %B %Y}, {machine()}. Server on one core, client (wrk,",
        "h2load) on another, ONNX Runtime on one thread, the same file for all, first answers checked. Medians over",
        "interleaved rounds; all servers but the one being measured are frozen. CPU is the server's, a request.",
        "[Plot](serving.svg), [numbers](serving.json).",
        "",
        *_targets(targets(results.throughput, results.starts, results.overload, results.drains)),
    ]
    for model in dict.fromkeys(row["model"] for row in results.throughput):
        lines += _throughput(model, [row for row in results.throughput if row["model"] == model])
    if results.starts:
        lines += _starts(results.starts)
    for title, facts in (("Ten times the capacity", results.overload), ("SIGTERM under load", results.drains)):
        if facts:
            lines += [f"## {title}", "", *(f"- {name}: {_shown(value)}" for name, value in facts.items()), ""]
    return "\n".join(lines)


def _targets(reached: Sequence[Target]) -> list[str]:
    if not reached:
        return []
    rows = [f"| {one.case} | {one.wanted} | {one.got:.2f} | {'yes' if one.holds else '**no**'} |" for one in reached]
    return ["| case | wanted | got | reached |", "|---|---|---|---|", *rows, ""]


def _throughput(model: str, rows: Rows) -> list[str]:
    connections = sorted({row["connections"] for row in rows if row["server"] != LOOP})
    head = " | ".join(f"{count} conn.: requests/s (p50 / p99 ms), CPU µs" for count in connections)
    lines = [f"## {model}", "", f"| server | {head} |", "|---" * (len(connections) + 1) + "|"]
    figures = {(row["server"], row["connections"]): row for row in rows}
    lines += [
        f"| {server} | {' | '.join(_cell(figures[server, count]) for count in connections)} |"
        for server in dict.fromkeys(row["server"] for row in rows if row["server"] != LOOP)
    ]
    loop = figures.get((LOOP, 1))
    if loop:
        lines += ["", f"{LOOP}, best number of rows: {loop['requestsPerSecond']:,.0f} rows/s."]
    return [*lines, ""]


def _cell(row: dict[str, Any]) -> str:
    return f"{row['requestsPerSecond']:,.0f} ({row['p50Ms']:.2f} / {row['p99Ms']:.2f}), {row['cpuUs']:,.0f}"


def _starts(rows: Rows) -> list[str]:
    lines = ["## From exec to the first right answer, and memory then", ""]
    lines += ["| model | server | seconds | of bare | PSS MB | of bare |", "|---|---|---|---|---|---|"]
    least = {row["model"]: row for row in rows if row["server"] == BARE}
    for row in rows:
        bare = least[row["model"]]
        time = f"{row['startSeconds']:.2f} | {row['startSeconds'] / bare['startSeconds']:.2f}"
        memory = f"{row['pssBytes'] / MEGABYTE:.0f} | {row['pssBytes'] / bare['pssBytes']:.2f}"
        lines.append(f"| {row['model']} | {row['server']} | {time} | {memory} |")
    return [*lines, ""]


def _shown(value: Any) -> str:
    return f"{value:,.3f}" if isinstance(value, float) else str(value)


def machine() -> str:
    found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    return f"{os.cpu_count()} x {found.group(1) if found else 'unknown CPU'}"
