"""A server program on loopback, for as long as a test needs it; built like the bundled cluster's where it is one."""

import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from slipway_cluster.build import build_all
from slipway_cluster.paths import Layout
from slipway_cluster.programs import MODULES
from support.waiting import wait_until


@contextmanager
def running(argv: Sequence[str], port: int, log: Path, environment: Mapping[str, str] | None = None) -> Iterator[None]:
    """Start a program, wait until it listens, and end it."""
    with log.open("wb") as output:
        server = subprocess.Popen(argv, stdout=output, stderr=subprocess.STDOUT, env=environment)
        try:
            wait_until(lambda: _listens(port) or server.poll() is not None)
            assert server.poll() is None, f"{argv[0]} did not start: {log.read_text()}"
            yield
        finally:
            server.terminate()
            server.wait(300)


def program(name: str) -> Path:
    """The binary of one of the cluster's programs; it is built if it is not there."""
    layout = Layout()
    binary = layout.bin / name
    if not binary.exists():
        build_all(layout, [module for module in MODULES if module.name == name])
    return binary


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
