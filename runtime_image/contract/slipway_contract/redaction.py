"""What may be shown of a text with URLs in it: who may read a log need not know what opens a bucket."""

import hashlib
import re
from typing import Final

_LOGIN: Final = re.compile(r"(\w://)[^/\s@'\"]+@")
# Nothing but the version of an object opens nothing.
_NO_VERSION: Final = r"(?!versionId=[\w.~-]+(?![\w.~=&%-]))"
_URL_QUERY: Final = re.compile(rf"(\w://[^\s?'\"]*)\?{_NO_VERSION}[^\s'\"<>),;]+")
# Of a signed URL; clients' errors also hold what a redirect led to, and paths without a host.
_QUERY: Final = re.compile(rf"(/[^\s?'\"]*)\?{_NO_VERSION}[^\s'\"<>]*=[^\s'\"<>),;]*")
_FINGERPRINT_DIGITS: Final = 12


def without_secrets(text: str) -> str:
    """Leave out of every URL the login before its host, and the query behind its path."""
    return _QUERY.sub(r"\1?…", _URL_QUERY.sub(r"\1?…", _LOGIN.sub(r"\1…@", text)))


def shown_uri(uri: str) -> str:
    """A URI as it may be kept where many read it: what is left out of it has a fingerprint, so that it stays one."""
    shown = without_secrets(uri)
    if shown == uri:
        return uri
    return f"{shown}({hashlib.sha256(uri.encode()).hexdigest()[:_FINGERPRINT_DIGITS]})"
