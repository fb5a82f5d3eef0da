"""How a Job fails: the user's error is never retried, infrastructure is, anything else is a defect of ours."""

import errno

from slipway_contract.redaction import without_secrets
from slipway_contract.result import ExitCode, Failed
from slipway_optimizer import reasons

MESSAGE_LIMIT = 900  # characters; the termination message has 4,096 bytes, and a character may take four


class JobError(Exception):
    """A failure with a reason in CamelCase and one sentence that names the culprit and says what to do."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class UserError(JobError):
    """The spec, the model or the data is at fault: the same Job would fail again."""


class InfrastructureError(JobError):
    """Something around the Job is at fault: the same Job may succeed later."""


class JobStoppedError(BaseException):
    """The Job was told to end.

    Not an `Exception`, so that whoever asks a model whether it works does not take it for a no.
    """


def first_line(error: BaseException) -> str:
    """The first line of an exception's text that says something, or its type."""
    lines = [line.strip() for line in str(error).splitlines()]
    return next((line for line in lines if line), type(error).__name__)


def failure_of(error: BaseException) -> tuple[ExitCode, Failed]:
    """What to report, and how to exit, for any exception that ended the Job."""
    if isinstance(error, UserError):
        return ExitCode.USER, _failed("user", error.reason, error.message)
    if isinstance(error, InfrastructureError):
        return ExitCode.INFRASTRUCTURE, _failed("infrastructure", error.reason, error.message)
    if isinstance(error, JobStoppedError):
        message = "The Job was stopped from outside and has to run again."
        return ExitCode.INFRASTRUCTURE, _failed("infrastructure", reasons.STOPPED, message)
    if isinstance(error, MemoryError):
        message = "The Job ran out of memory: raise spec.optimize.resources.limits.memory."
        return ExitCode.USER, _failed("user", reasons.OUT_OF_MEMORY, message)
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        message = (
            f"No space is left for {error.filename or 'scratch files'}: give the Job's volume or the store more room."
        )
        return ExitCode.INFRASTRUCTURE, _failed("infrastructure", reasons.DISK_FULL, message)
    message = f"{type(error).__name__}: {first_line(error)}"
    return ExitCode.INTERNAL, _failed("internal", reasons.INTERNAL_ERROR, message)


def _failed(exit_class: str, reason: str, message: str) -> Failed:
    return Failed.model_validate(
        {"exit_class": exit_class, "reason": reason, "message": shortened(without_secrets(message))}
    )


def shortened(message: str) -> str:
    """One line that leaves room in a termination message."""
    text = " ".join(message.split())
    return text if len(text) <= MESSAGE_LIMIT else text[: MESSAGE_LIMIT - 1] + "…"
