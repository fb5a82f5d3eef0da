"""What the log tells of a failure: of a defect everything, of an error with a sentence only what that leaves out."""

import tempfile
import traceback

from slipway_contract.redaction import without_secrets
from slipway_optimizer.errors import JobError


def explain(error: BaseException) -> str:
    """A traceback for people, or nothing.

    A `JobError` says in its sentence what is wrong and what to do. What remains is its cause, and where in the user's
    own code (it lies in the scratch folder) that came from; our frames would only push it out of sight.
    """
    if not isinstance(error, JobError):
        return without_secrets("".join(traceback.format_exception(error)))
    if error.__cause__ is None:
        return ""
    cause = traceback.TracebackException.from_exception(error.__cause__)
    scratch = tempfile.gettempdir()
    frames = [frame for frame in cause.stack if frame.filename.startswith(scratch)]
    return without_secrets("".join([*traceback.format_list(frames), *cause.format_exception_only()]))
