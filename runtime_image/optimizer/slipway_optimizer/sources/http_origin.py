"""`https://` and `http://`: one file, versioned by its entity tag where the server gives a strong one."""

from contextlib import AbstractContextManager

import requests

from slipway_optimizer.credentials import Credentials
from slipway_optimizer.sources.origin import Entry, Look, Stream, etag_id
from slipway_optimizer.sources.ranges import TIMEOUT_SECONDS, length, read_range, strong_tag
from slipway_optimizer.sources.uri import SourceUri


class HttpOrigin:
    """A file at a URL. Redirects are followed anew each time: what they lead to may be valid for minutes only."""

    local = None

    def __init__(self, uri: SourceUri, credentials: Credentials) -> None:
        self._uri = uri
        self._session = requests.Session()
        # Without this, requests would look for a .netrc in the home directory.
        self._session.auth = _auth(credentials)

    def look(self, wanted: str | None) -> Look:
        """Ask as if to download, and hang up: a HEAD is refused by some servers, and by URLs signed for GET."""
        del wanted
        with self._get({"Accept-Encoding": "identity"}) as response:
            response.raise_for_status()
            tag = strong_tag(response)
            entry = Entry(self._uri.file_name, self._uri.text, length(response), tag)
        return Look(etag_id(tag), [entry])

    def read(self, look: Look, entry: Entry, offset: int) -> AbstractContextManager[Stream]:
        """Without a strong tag every read starts at 0: nothing would vouch for the bytes that are there."""
        del look
        return read_range(self._get, entry.version, entry.size, offset if entry.version else 0)

    def is_current(self, look: Look) -> bool:
        """Every response was of one version, and all of them of the same."""
        del look
        return True

    def _get(self, headers: dict[str, str]) -> requests.Response:
        return self._session.get(self._uri.text, headers=headers, stream=True, timeout=TIMEOUT_SECONDS)


class _BearerAuth(requests.auth.AuthBase):
    def __init__(self, token: str | None) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def _auth(credentials: Credentials) -> requests.auth.AuthBase:
    user = credentials.get("HTTP_USERNAME")
    if user:
        return requests.auth.HTTPBasicAuth(user, credentials.get("HTTP_PASSWORD") or "")
    return _BearerAuth(credentials.get("HTTP_BEARER_TOKEN"))
