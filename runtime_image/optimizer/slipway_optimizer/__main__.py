"""`python -m slipway_optimizer --spec FILE --out DIR_OR_URI`: the whole Job."""

import argparse
import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from slipway_contract.result import Resolved
from slipway_optimizer.command import report_result
from slipway_optimizer.job import Order, run_job


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a Job and report its result; returns the exit code."""
    options = _parser().parse_args(arguments)
    order = Order(options.recipe_digest, options.resolved, options.owner, options.keep)
    return report_result(lambda progress: run_job(options.spec, options.out, order, progress))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="slipway_optimizer", description=__doc__)
    parser.add_argument("--spec", type=Path, required=True, metavar="FILE", help="a ModelDeployment as YAML")
    parser.add_argument("--out", required=True, metavar="DIR_OR_URI", help="root of the artifact store")
    parser.add_argument("--recipe-digest", type=_digest, metavar="sha256:HEX", help="computed from the spec if absent")
    parser.add_argument(
        "--resolved",
        type=_resolved,
        metavar="FILE_OR_JSON",
        help="what slipway_optimizer.resolve found: other bytes are refused",
    )
    parser.add_argument("--owner", type=_owner, metavar="NAMESPACE/NAME", help="marks the artifact as this owner's")
    parser.add_argument(
        "--keep",
        type=_digest,
        nargs="*",
        action="extend",
        metavar="sha256:HEX",
        help="recipes whose artifacts stay beside this one: the owner's others are removed",
    )
    return parser


def _digest(text: str) -> str:
    if not re.fullmatch(r"sha256:[0-9a-f]{64}", text):
        raise argparse.ArgumentTypeError(f"{text} is not sha256:HEX")
    return text


def _owner(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9-]+/[a-z0-9.-]+", text):
        raise argparse.ArgumentTypeError(f"{text} is not NAMESPACE/NAME")
    return text


def _resolved(text: str) -> Mapping[str, str]:
    try:
        body = text if text.lstrip().startswith("{") else Path(text).read_text()
        return Resolved.model_validate_json(body).by_field
    except (OSError, ValidationError) as error:
        raise argparse.ArgumentTypeError(f"{text} is no Resolved as JSON, nor a file with one: {error}") from error


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # All is written and closed, and taking PyTorch apart takes seconds.
    os._exit(code)
