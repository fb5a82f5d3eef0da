"""The gRPC server: Python's threaded one, which answers half as many requests again as the asyncio one.

A thread is held by each request that waits for the session; so there are as many as requests may wait, and some more.
"""

from concurrent.futures import ThreadPoolExecutor

import grpc

from slipway_serving.dataplane import DataPlane
from slipway_serving.errors import StartupError
from slipway_serving.grpc_service import SERVICE, Service

_MOST_THREADS = 512
_MOST_STREAMS = 64
_SPARE_THREADS = 16
# Clients keep a connection for ever, to one pod; now and then it is closed, between two requests, so that they meet new
# pods, too. gRPC spreads these moments by itself.
_CONNECTION_AGE_MS = 300_000


class GrpcServer:
    """Listens from the start on; `stop` answers what was accepted and refuses what comes after."""

    def __init__(self, plane: DataPlane, host: str, port: int) -> None:
        threads = min(_MOST_THREADS, plane.settings.queue_size + plane.settings.batch_max_size + _SPARE_THREADS)
        service = Service(plane)
        self._server = grpc.server(
            # Four would be a tenth faster, and four clients that begin a request and never end it would hold them all.
            ThreadPoolExecutor(threads, thread_name_prefix="grpc"),
            # What no thread is there for is refused (RESOURCE_EXHAUSTED), instead of a second queue that nobody bounds.
            maximum_concurrent_rpcs=threads + _MOST_STREAMS,
            options=[
                ("grpc.max_receive_message_length", plane.settings.max_request_bytes),
                ("grpc.max_send_message_length", -1),
                ("grpc.max_connection_age_ms", _CONNECTION_AGE_MS),
                ("grpc.so_reuseport", 0),
            ],
        )
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, service.handlers()),))
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        try:
            self.port = self._server.add_insecure_port(address)
        except RuntimeError as error:
            raise StartupError(f"cannot listen on {address} for gRPC: {error}") from error
        self._server.start()

    def stop(self, grace: float) -> None:
        """Returns when every accepted request is answered, or `grace` seconds are over."""
        self._server.stop(grace).wait()
