"""`python -m slipway_optimizer --spec FILE --out DIR_OR_URI [--recipe-digest sha256:HEX]`: the whole Job."""

import argparse
import os
import re
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn, TextIO

from slipway_contract.result import ExitCode
from slipway_optimizer.environment import let_waiting_threads_sleep, use_scratch_for_caches
from slipway_optimizer.errors import JobStoppedError, failure_of
from slipway_optimizer.failure_log import explain
from slipway_optimizer.job import run_job
from slipway_optimizer.progress import Progress


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a Job and report its result; returns the exit code."""
    parser = argparse.ArgumentParser(prog="slipway_optimizer", description=__doc__)
    parser.add_argument("--spec", type=Path, required=True, metavar="FILE", help="a ModelDeployment as YAML")
    parser.add_argument("--out", required=True, metavar="DIR_OR_URI", help="root of the artifact store")
    parser.add_argument("--recipe-digest", type=_digest, metavar="sha256:HEX", help="computed from the spec if absent")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, _stop)
    use_scratch_for_caches()
    let_waiting_threads_sleep()
    progress = Progress(_own_stdout())
    try:
        progress.result(run_job(options.spec, options.out, options.recipe_digest, progress))
    except (Exception, JobStoppedError) as error:
        sys.stderr.write(explain(error))
        code, failed = failure_of(error)
        progress.result(failed)
        return code
    return ExitCode.SUCCESS


def _own_stdout() -> TextIO:
    """Keep stdout for progress: what models and libraries print goes to stderr."""
    sys.stdout.flush()
    stream = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return stream


def _stop(signal_number: int, frame: FrameType | None) -> NoReturn:
    """An evicted Job cleans up behind it and is run again."""
    del signal_number, frame
    raise JobStoppedError


def _digest(text: str) -> str:
    if not re.fullmatch(r"sha256:[0-9a-f]{64}", text):
        raise argparse.ArgumentTypeError(f"{text} is not sha256:HEX")
    return text


if __name__ == "__main__":
    sys.exit(main())
