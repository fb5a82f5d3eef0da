"""What both commands do around their work: own stdout, die of SIGTERM in order, and report how it ended."""

import os
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import NoReturn, TextIO

from slipway_contract.result import ExitCode, Resolved, Succeeded
from slipway_optimizer.environment import let_waiting_threads_sleep, use_scratch_for_caches
from slipway_optimizer.errors import JobStoppedError, failure_of
from slipway_optimizer.failure_log import explain
from slipway_optimizer.progress import Progress


def report_result(work: Callable[[Progress], Succeeded | Resolved]) -> int:
    """Do the work and report its result, or why there is none; returns the exit code."""
    signal.signal(signal.SIGTERM, _stop)
    use_scratch_for_caches()
    let_waiting_threads_sleep()
    progress = Progress(_own_stdout())
    try:
        progress.result(work(progress))
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
