"""The report as HTML: from a manifest alone, with everything escaped and nothing to load."""

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from slipway_contract.manifest import Candidate, Latency, Manifest
from slipway_optimizer.report.details import UNKNOWN, lay_out, number
from slipway_optimizer.report.plot import HEIGHT, WIDTH, candidates_plot, curve_plot


def render(manifest: Manifest, summary: str) -> str:
    """The page. `files` of the manifest are not in it: it is one of them."""
    named = [(candidate.name, lay_out(candidate.details)) for candidate in manifest.candidates if candidate.details]
    return _template().render(
        manifest=manifest,
        summary=summary,
        metric=manifest.budget.metric if manifest.budget else None,
        plot=candidates_plot(manifest),
        curve=curve_plot(manifest.serving.batch_curve) if manifest.serving else None,
        details=named,
        width=WIDTH,
        height=HEIGHT,
    )


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("slipway_optimizer.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(milliseconds=milliseconds, megabytes=megabytes, number=known, speedup=speedup)
    return environment.get_template("report.html.jinja")


def milliseconds(latency: Latency | None) -> str:
    return UNKNOWN if latency is None else f"{latency.p50_us / 1000:.3g} ({latency.p90_us / 1000:.3g})"


def megabytes(size_bytes: int | None) -> str:
    return UNKNOWN if size_bytes is None else f"{size_bytes / 1e6:,.2f}"


def known(value: float | None) -> str:
    return UNKNOWN if value is None else number(value)


def speedup(candidate: Candidate) -> str:
    if candidate.speedup is None:
        return UNKNOWN
    if candidate.speedup_low is None or candidate.speedup_high is None:
        return f"{candidate.speedup:.2f}"
    return f"{candidate.speedup:.2f} ({candidate.speedup_low:.2f} to {candidate.speedup_high:.2f})"
