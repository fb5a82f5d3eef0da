"""Tells a request's ticket that the connection is gone, which uvicorn hears at once and an application only if it asks.

To ask would cost every request that waits a task of its own.
"""

from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from slipway_serving.ticket import Ticket

TICKET: Final = "slipway.ticket"
"""Where the application leaves the ticket in the request's scope."""


class Connection(HttpToolsProtocol):
    """One client's connection."""

    def connection_lost(self, exc: Exception | None) -> None:
        cycle = self.cycle
        is_waiting = cycle is not None and not cycle.response_complete
        super().connection_lost(exc)
        ticket = cycle.scope.get(TICKET) if is_waiting else None
        if isinstance(ticket, Ticket):
            ticket.abandon()
