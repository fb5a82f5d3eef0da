"""What an error of a filesystem or a network client means: gone, forbidden, or worth another try.

Clients' errors are known by name, so that a Job imports no driver but the one that it needs.
"""

import errno
from typing import Any, Final

from slipway_optimizer import reasons
from slipway_optimizer.errors import InfrastructureError, JobError, UserError, first_line

FORBIDDEN_STATUSES: Final = {401, 403}
MISSING_STATUSES: Final = {404, 410}
# S3 error codes; the last is versitygw's, which comes with status 404.
FORBIDDEN_CODES: Final = {"InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "XAdminUserNotFound"}
TRANSIENT_STATUSES: Final = {408, 425, 429}
SERVER_ERROR: Final = 500
LOCAL_TROUBLE: Final = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}

DENIED_CLASSES: Final = {
    "botocore.exceptions.NoCredentialsError",
    "botocore.exceptions.PartialCredentialsError",
    "azure.core.exceptions.ClientAuthenticationError",
    "google.auth.exceptions.DefaultCredentialsError",
    "google.auth.exceptions.RefreshError",
}
MISSING_CLASSES: Final = {
    "azure.core.exceptions.ResourceNotFoundError",
    "huggingface_hub.errors.EntryNotFoundError",
}
INVALID_CLASSES: Final = {"requests.exceptions.InvalidURL", "requests.exceptions.InvalidSchema"}
TRANSIENT_CLASSES: Final = {
    "aiohttp.client_exceptions.ClientError",
    "azure.core.exceptions.ServiceRequestError",
    "azure.core.exceptions.ServiceResponseError",
    "botocore.exceptions.BotoCoreError",
    "botocore.exceptions.ClientError",
    "google.auth.exceptions.TransportError",
    "httpx.TransportError",
    "httpx2.TransportError",
    "urllib3.exceptions.HTTPError",
}


def failure_of_source(error: Exception, uri: str) -> JobError | None:
    """The failure that an error on reading `uri` stands for; None when it is no error of the source."""
    if isinstance(error, JobError):
        return error
    if is_local_trouble(error):
        return None
    if is_worth_another_try(error):
        message = f"{uri} could not be read: {type(error).__name__}: {first_line(error)}."
        return InfrastructureError(reasons.SOURCE_UNAVAILABLE, message)
    return _fault_of_user(error, uri)


def _fault_of_user(error: Exception, uri: str) -> UserError | None:
    if _is_a(error, INVALID_CLASSES):
        return UserError(reasons.UNSUPPORTED_SOURCE, f"{uri} cannot be read as a URL: {first_line(error)}.")
    if is_missing(error):
        return UserError(reasons.SOURCE_NOT_FOUND, f"{uri} does not exist: check the name, or upload the file.")
    if is_denied(error):
        message = (
            f"{uri} may not be read ({first_line(error)}): check the credentials in the Secret that secretRef names."
        )
        return UserError(reasons.SOURCE_ACCESS_DENIED, message)
    return None


def is_missing(error: Exception) -> bool:
    if _code_of(error) in FORBIDDEN_CODES:
        return False
    if isinstance(error, FileNotFoundError | IsADirectoryError | NotADirectoryError):
        return True
    return status_of(error) in MISSING_STATUSES or _is_a(error, MISSING_CLASSES)


def is_denied(error: Exception) -> bool:
    if isinstance(error, PermissionError) or _is_a(error, DENIED_CLASSES):
        return True
    return _code_of(error) in FORBIDDEN_CODES or status_of(error) in FORBIDDEN_STATUSES


def is_transient(error: Exception) -> bool:
    """Whether another try may succeed: timeouts, cut connections, busy or broken servers."""
    status = status_of(error)
    if status is not None:
        return status >= SERVER_ERROR or status in TRANSIENT_STATUSES
    if is_local_trouble(error) or _is_a(error, INVALID_CLASSES):
        return False
    return isinstance(error, OSError | TimeoutError | EOFError) or _is_a(error, TRANSIENT_CLASSES)


def is_worth_another_try(error: BaseException) -> bool:
    if not isinstance(error, Exception) or isinstance(error, JobError):
        return False
    return not is_missing(error) and not is_denied(error) and is_transient(error)


def is_local_trouble(error: Exception) -> bool:
    return isinstance(error, OSError) and error.errno in LOCAL_TROUBLE


def status_of(error: Exception) -> int | None:
    """The HTTP status behind an error of a client, where there is one."""
    s3_status = _s3_response(error).get("ResponseMetadata", {}).get("HTTPStatusCode")
    candidates: tuple[Any, ...] = (
        s3_status,
        getattr(getattr(error, "response", None), "status_code", None),  # requests, httpx, azure
        getattr(error, "status", None),  # aiohttp
        getattr(error, "status_code", None),
        getattr(error, "code", None),  # gcsfs
    )
    return next((int(status) for status in candidates if _is_status(status)), None)


def _is_status(value: object) -> bool:
    return str(value).isdecimal() and int(str(value)) > 0


def _code_of(error: Exception) -> str:
    return str(_s3_response(error).get("Error", {}).get("Code", ""))


def _s3_response(error: Exception) -> dict[str, Any]:
    for cause in (error, error.__cause__):
        response = getattr(cause, "response", None)
        if isinstance(response, dict):
            return response
    return {}


def _is_a(error: Exception, names: set[str]) -> bool:
    return any(f"{kind.__module__}.{kind.__qualname__}" in names for kind in type(error).__mro__)
