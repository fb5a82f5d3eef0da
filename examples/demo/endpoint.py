"""A way from this machine to a Service: its cluster IP where that is routed, else `kubectl port-forward`."""

import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from demo.shell import get, tool

CONNECT_TIMEOUT_SECONDS = 2


@contextmanager
def service_url(namespace: str, name: str) -> Iterator[str]:
    """`http://HOST:PORT` of a Service's first port."""
    spec = get("service", name, "-n", namespace)["spec"]
    host, port = spec["clusterIP"], spec["ports"][0]["port"]
    if _is_routed(host, port):
        yield f"http://{host}:{port}"
        return
    with _port_forward(namespace, name, port) as url:
        yield url


def _is_routed(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), CONNECT_TIMEOUT_SECONDS).close()
    except OSError:
        return False
    return True


@contextmanager
def _port_forward(namespace: str, name: str, port: int) -> Iterator[str]:
    command = [tool("kubectl"), "port-forward", "-n", namespace, f"service/{name}", f":{port}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            match = re.search(r"127\.0\.0\.1:(\d+)", line)
            if not match:
                raise SystemExit(f"kubectl port-forward service/{name} did not start: {line}")
            yield f"http://127.0.0.1:{match[1]}"
        finally:
            process.terminate()
