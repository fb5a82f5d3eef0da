"""What may be shown of a text with URLs in it: who may read a log need not know what opens a bucket."""

import re
from typing import Final

_LOGIN: Final = re.compile(r"(\w://)[^/\s@'\"]+@")
# Of a signed URL; clients' errors also hold what a redirect led to, and paths without a host.
_QUERY: Final = re.compile(r"(/[^\s?'\"]*)\?[^\s'\"<>]*=[^\s'\"<>),;]*")


def without_secrets(text: str) -> str:
    """Leave out of every URL the login before its host, and the query behind its path."""
    return _QUERY.sub(r"\1?…", _LOGIN.sub(r"\1…@", text))
