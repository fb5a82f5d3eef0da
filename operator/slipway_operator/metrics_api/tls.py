"""The listener's TLS: a certificate and a client CA that can change while connections stay open."""

import os
import ssl
from tempfile import NamedTemporaryFile

from slipway_operator.metrics_api.certificates import Material


class RotatingTls:
    """Every handshake uses what `use` was last given; connections that are open keep what they began with."""

    def __init__(self) -> None:
        self._current: ssl.SSLContext | None = None
        self.listener = _server_context()
        self.listener.sni_callback = self._choose

    def use(self, material: Material, client_ca: str) -> None:
        """Serve with `material` from the next handshake on, and trust client certificates of `client_ca` (PEM)."""
        context = _server_context()
        # A context forgets no CA, hence a new one; it reads keys from files only.
        context.load_verify_locations(cadata=client_ca)
        with NamedTemporaryFile() as chain:
            os.fchmod(chain.fileno(), 0o600)
            chain.write(material.leaf_key + material.leaf)
            chain.flush()
            context.load_cert_chain(chain.name)
        self._current = context

    def _choose(self, connection: ssl.SSLObject, _name: str | None, _listener: ssl.SSLContext) -> int | None:
        if self._current is None:
            return ssl.ALERT_DESCRIPTION_INTERNAL_ERROR
        connection.context = self._current
        return None


def _server_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_OPTIONAL  # without a certificate the answer is 401 and a sentence
    return context
