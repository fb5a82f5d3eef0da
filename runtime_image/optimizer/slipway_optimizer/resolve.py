"""`python -m slipway_optimizer.resolve --spec FILE`: which bytes are behind each URI, before a Job is made."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from slipway_contract.result import Resolved, ResolvedSource
from slipway_contract.source_ids import fixed_id, source_fields
from slipway_optimizer.command import report_result
from slipway_optimizer.sources.fetch import resolve
from slipway_optimizer.spec import Source, read_deployment


def resolve_all(spec: Mapping[str, Any]) -> Resolved:
    """The id of every source in a spec.

    Raises:
        JobError: a source is missing, forbidden or unreachable.
    """
    ids = {field: fixed_id(raw) or resolve(Source.model_validate(raw), field) for field, raw in _sources(spec)}
    return Resolved(sources=[ResolvedSource(field=field, digest=found) for field, found in ids.items()])


def _sources(spec: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    return sorted(source_fields(spec).items())


def main(arguments: Sequence[str] | None = None) -> int:
    """Resolve a spec's sources and report the result; returns the exit code."""
    parser = argparse.ArgumentParser(prog="slipway_optimizer.resolve", description=__doc__)
    parser.add_argument("--spec", type=Path, required=True, metavar="FILE", help="a ModelDeployment as YAML")
    options = parser.parse_args(arguments)
    return report_result(lambda progress: resolve_all(read_deployment(options.spec).raw_spec))


if __name__ == "__main__":
    sys.exit(main())
