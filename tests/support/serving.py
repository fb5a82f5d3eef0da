"""The serving runtime as a real process on a free loopback port."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
from prometheus_client.parser import text_string_to_metric_families
from support.waiting import wait_until

SECONDS_TO_START = 60.0


class ServingProcess:
    """`python -m slipway_serving`; its log lines are read from a file, so that they never fill a pipe."""

    def __init__(
        self, artifact: Path, log: Path, environment: dict[str, str] | None = None, *, grpc_port: int = 0
    ) -> None:
        self._log = log
        self._errors = log.with_suffix(".stderr")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("SLIPWAY_")}
        with self._log.open("wb") as stdout, self._errors.open("wb") as stderr:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "slipway_serving",
                    "--artifact",
                    str(artifact),
                    "--host",
                    "127.0.0.1",
                    "--port",
                    "0",
                    "--grpc-port",
                    str(grpc_port),
                ],
                stdout=stdout,
                stderr=stderr,
                env={**inherited, "SLIPWAY_DRAIN_DELAY": "0", **(environment or {})},
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    @property
    def url(self) -> str:
        """Address, once the process listens."""
        wait_until(lambda: self._has_logged("listening") or self.process.poll() is not None)
        return f"http://127.0.0.1:{self.logged('listening')['port']}"

    @property
    def grpc_target(self) -> str:
        """Host and port, once the process listens for gRPC."""
        wait_until(lambda: self._has_logged("listening for gRPC") or self.process.poll() is not None)
        return f"127.0.0.1:{self.logged('listening for gRPC')['port']}"

    def wait_ready(self) -> str:
        wait_until(lambda: self._has_logged("ready") or self.process.poll() is not None)
        assert self.process.poll() is None, self.stderr
        return self.url

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=SECONDS_TO_START)

    @property
    def stderr(self) -> str:
        return self._errors.read_text()

    @property
    def log_lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._log.read_text().splitlines(keepends=True) if line.endswith("\n")]

    def logged(self, message: str) -> dict[str, Any]:
        return next(line for line in self.log_lines if line["message"] == message)

    def _has_logged(self, message: str) -> bool:
        return any(line["message"] == message for line in self.log_lines)


@contextmanager
def serving(artifact: Path, log: Path, **environment: str) -> Iterator[str]:
    """A ready server; yields its address."""
    with ServingProcess(artifact, log, environment) as server:
        yield server.wait_ready()


def scrape(url: str) -> dict[str, float]:
    """Samples of /metrics without labels, by name."""
    families = text_string_to_metric_families(httpx.get(f"{url}/metrics").text)
    return {sample.name: sample.value for family in families for sample in family.samples if not sample.labels}
