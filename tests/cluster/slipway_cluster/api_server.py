"""A small client of the cluster's API server, for the questions that `up` and `status` ask while they wait."""

import http.client
import json
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from slipway_cluster.certificates import KeyPair

TIMEOUT_SECONDS = 5.0


@dataclass(frozen=True)
class ApiServer:
    """Reads as the cluster's administrator."""

    url: str
    authority: Path
    client: KeyPair

    def is_ready(self) -> bool:
        return self._get("/readyz") is not None

    def get(self, path: str) -> dict[str, Any] | None:
        """The object or list at the path; None where it is not there or the server does not answer."""
        body = self._get(path)
        if body is None:
            return None
        content: dict[str, Any] = json.loads(body)
        return content

    def _get(self, path: str) -> bytes | None:
        address = urlsplit(self.url)
        try:
            context = ssl.create_default_context(cafile=str(self.authority))
            context.load_cert_chain(self.client.certificate, self.client.key)
            connection = http.client.HTTPSConnection(
                address.hostname or "", address.port, timeout=TIMEOUT_SECONDS, context=context
            )
            try:
                connection.request("GET", path)
                response = connection.getresponse()
                body = response.read()
            finally:
                connection.close()
        except (OSError, http.client.HTTPException):
            return None
        return body if response.status == http.HTTPStatus.OK else None
