"""Requests to an OCI registry, signed in as the registry itself asks for it."""

import base64
import json
import re
from typing import Any, Final

import requests

from slipway_optimizer.credentials import Credentials
from slipway_optimizer.sources.ranges import TIMEOUT_SECONDS

# Where Docker Hub answers, and what references and logins call it.
DOCKER_HUB: Final = ("registry-1.docker.io", "docker.io", "index.docker.io")
LOOPBACK: Final = re.compile(r"^(localhost|127\.0\.0\.1)(:\d+)?$")


class RegistryAuth:
    """Sends GET requests; after a 401 once more, with a token or a password."""

    def __init__(self, registry: str, credentials: Credentials) -> None:
        # Slow to import, and only one kind of source needs it.
        from oras.auth import get_auth_backend  # noqa: PLC0415

        self._session = requests.Session()
        # Clients of registries speak HTTP to their own machine without being told.
        plain = credentials.get("OCI_PLAIN_HTTP") == "true" or LOOPBACK.match(registry) is not None
        self._prefix = "http" if plain else "https"
        self._login = _login(registry, credentials)
        self._tokens = get_auth_backend("token", session=self._session, insecure=plain)
        if self._login:
            self._tokens.set_basic_auth(*self._login)

    def get(self, path: str, headers: dict[str, str]) -> requests.Response:
        """The response to a GET of a path as oras builds it (without a scheme); its body is not yet read."""
        url = f"{self._prefix}://{path}"
        response = self._send(url, headers | self._tokens.get_auth_header())
        if response.status_code != requests.codes.unauthorized:
            return response
        signed = self._signed(response, headers)
        if signed is None:
            return response
        response.close()
        return self._send(url, signed)

    def _send(self, url: str, headers: dict[str, str]) -> requests.Response:
        return self._session.get(url, headers=headers, stream=True, timeout=TIMEOUT_SECONDS)

    def _signed(self, response: requests.Response, headers: dict[str, str]) -> dict[str, str] | None:
        if response.headers.get("Www-Authenticate", "").lower().startswith("basic"):
            return headers | {"Authorization": _basic(*self._login)} if self._login else None
        signed, changed = self._tokens.authenticate_request(response, dict(headers), refresh=True)
        return dict(signed) if changed else None


def _login(registry: str, credentials: Credentials) -> tuple[str, str] | None:
    user = credentials.get("OCI_USERNAME")
    if user:
        return user, credentials.get("OCI_PASSWORD") or ""
    auths = json.loads(credentials.get(".dockerconfigjson") or "{}").get("auths", {})
    # A key is a host, or a URL as `kubectl create secret docker-registry --docker-server` was given it.
    logins = {key.rpartition("://")[2].partition("/")[0]: auth for key, auth in auths.items()}
    names = DOCKER_HUB if registry in DOCKER_HUB else (registry,)
    return _login_of(next(((logins | auths)[name] for name in names if name in logins | auths), {}))


def _login_of(auth: dict[str, Any]) -> tuple[str, str] | None:
    if auth.get("username"):
        return auth["username"], auth.get("password", "")
    user, separator, password = base64.b64decode(auth.get("auth", "")).decode().partition(":")
    return (user, password) if separator else None


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
