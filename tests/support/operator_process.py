"""The operator as a process of its own, outside the cluster, and what a test asks it."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support import cluster

IMAGES = {
    "optimizer_image_cpu": "optimizer.test:1",
    "optimizer_image_gpu": "optimizer.test:1-gpu",
    "serving_image_cpu": "serving.test:1",
    "serving_image_gpu": "serving.test:1-gpu",
}


class OperatorProcess:
    def __init__(self, namespace: str, log: Path, kubeconfig: Path, *arguments: str) -> None:
        self.port = _free_port()
        self._log = log
        flags = [part for name, image in IMAGES.items() for part in (f"--{name.replace('_', '-')}", image)]
        flags += ["--namespace", namespace, "--lease-namespace", namespace, "--http-port", str(self.port), *arguments]
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("SLIPWAY_", "POD_"))}
        with log.open("wb") as stream:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "slipway_operator", *flags],
                stderr=stream,
                env=environment | {"KUBECONFIG": str(kubeconfig)},
            )

    @property
    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._log.read_text().splitlines()]

    def get(self, path: str) -> tuple[int, str]:
        """Status and text; 0 where nothing listens (yet)."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=60) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def is_leading(self) -> bool:
        return "slipway_operator_leader 1.0" in self.get("/metrics")[1]

    def is_watching(self) -> bool:
        return self.is_leading() and 'resource="modeldeployments"' in self.get("/metrics")[1]

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=300)


@contextmanager
def operator(
    namespace: str, folder: Path, *arguments: str, kubeconfig: Path | None = None
) -> Iterator[OperatorProcess]:
    log = folder / f"operator-{len(list(folder.iterdir()))}.log"
    running = OperatorProcess(namespace, log, kubeconfig or cluster.kubeconfig(), *arguments)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.process.kill()
            running.process.wait()
        print(log.read_text()[-5000:])  # noqa: T201


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
