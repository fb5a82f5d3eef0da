"""What an error of a filesystem or a network client means: gone, forbidden, or worth another try."""

import errno
from typing import Any, Final

import aiohttp
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError

from slipway_optimizer import reasons
from slipway_optimizer.errors import InfrastructureError, JobError, UserError, first_line

FORBIDDEN_STATUSES: Final = {401, 403}
MISSING_STATUSES: Final = {404, 410}
# S3 error codes; the last is versitygw's, which comes with status 404.
FORBIDDEN_CODES: Final = {"InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "XAdminUserNotFound"}
TRANSIENT_STATUSES: Final = {408, 425, 429}
SERVER_ERROR: Final = 500
LOCAL_TROUBLE: Final = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}


def failure_of_source(error: Exception, uri: str) -> JobError | None:
    """The failure that an error on reading `uri` stands for; None when it is no error of the source."""
    if isinstance(error, JobError):
        return error
    if _is_local_trouble(error):
        return None
    if is_missing(error):
        return UserError(reasons.SOURCE_NOT_FOUND, f"{uri} does not exist: check the name, or upload the file.")
    if is_denied(error):
        message = (
            f"{uri} may not be read ({first_line(error)}): check the credentials in the Secret that secretRef names."
        )
        return UserError(reasons.SOURCE_ACCESS_DENIED, message)
    if is_transient(error):
        message = f"{uri} could not be read: {type(error).__name__}: {first_line(error)}."
        return InfrastructureError(reasons.SOURCE_UNAVAILABLE, message)
    return None


def is_missing(error: Exception) -> bool:
    if _code_of(error) in FORBIDDEN_CODES:
        return False
    no_file = isinstance(error, FileNotFoundError | IsADirectoryError | NotADirectoryError)
    return no_file or status_of(error) in MISSING_STATUSES


def is_denied(error: Exception) -> bool:
    if isinstance(error, PermissionError | NoCredentialsError | PartialCredentialsError):
        return True
    return _code_of(error) in FORBIDDEN_CODES or status_of(error) in FORBIDDEN_STATUSES


def is_transient(error: Exception) -> bool:
    """Whether another try may succeed: timeouts, cut connections, busy or broken servers."""
    status = status_of(error)
    if status is not None:
        return status >= SERVER_ERROR or status in TRANSIENT_STATUSES
    if _is_local_trouble(error):
        return False
    return isinstance(error, OSError | TimeoutError | aiohttp.ClientError | BotoCoreError | ClientError | EOFError)


def _is_local_trouble(error: Exception) -> bool:
    return isinstance(error, OSError) and error.errno in LOCAL_TROUBLE


def status_of(error: Exception) -> int | None:
    """The HTTP status behind an error of fsspec's HTTP or S3 client, where there is one."""
    if isinstance(error, aiohttp.ClientResponseError):
        return error.status
    response = _response_of(error)
    return int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)) or None


def _code_of(error: Exception) -> str:
    return str(_response_of(error).get("Error", {}).get("Code", ""))


def _response_of(error: Exception) -> dict[str, Any]:
    cause = error if isinstance(error, ClientError) else error.__cause__
    return cause.response if isinstance(cause, ClientError) else {}
