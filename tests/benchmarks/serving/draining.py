"""SIGTERM under load, again and again: two servers, and clients that retry as a Service's would. Nothing is lost."""

import signal
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from serving.contenders import SLIPWAY
from serving.models import Model
from serving.process import Running, start

CLIENTS = 8
TRIES = 5


class Traffic:
    """Clients that ask whoever is in `ports`, and another one where that fails."""

    def __init__(self, model: Model, ports: list[int]) -> None:
        self.ports = ports
        self.answered = 0
        self.retried = 0
        self.failed: list[str] = []
        self._model = model
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._ask_on, args=(number,)) for number in range(CLIENTS)]

    def __enter__(self) -> "Traffic":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _ask_on(self, number: int) -> None:
        how = SLIPWAY[0].format
        body, headers = how.encode(self._model)
        path = how.path(self._model.name)
        with httpx.Client(timeout=30) as client:
            while not self._over.is_set():
                self._ask(client, number, path, body, headers)

    def _ask(self, client: httpx.Client, number: int, path: str, body: bytes, headers: dict[str, str]) -> None:
        said = ""
        for attempt in range(TRIES):
            port = self.ports[(number + attempt) % len(self.ports)]
            try:
                answer = client.post(f"http://127.0.0.1:{port}{path}", content=body, headers=headers)
            except httpx.TransportError as error:
                said = repr(error)
            else:
                if answer.status_code == httpx.codes.OK:
                    right = np.allclose(
                        SLIPWAY[0].format.read(answer.content, answer.headers), self._model.answer, atol=1e-3
                    )
                    said = "" if right else "a wrong answer"
                    break
                said = f"{answer.status_code}: {answer.text}"
            with self._lock:
                self.retried += 1
        with self._lock:
            self.answered += not said
            if said:
                self.failed.append(said)


def measure_drains(model: Model, terms: int, folder: Path) -> dict[str, Any]:
    """How many requests failed for good over so many restarts."""
    contender = SLIPWAY[0]
    with ExitStack() as stack:
        servers: list[Running] = []
        for _ in range(2):
            server = start(contender, model, folder / "drain.log")
            servers.append(server)
        stack.callback(lambda: [server.end() for server in servers])
        with Traffic(model, [server.port for server in servers]) as traffic:
            for number in range(terms):
                turn = number % 2
                leaving = servers[turn]
                leaving.process.send_signal(signal.SIGTERM)
                leaving.process.wait(60)
                servers[turn] = start(contender, model, folder / "drain.log")
                traffic.ports[turn] = servers[turn].port
    return {
        "model": model.name,
        "sigterms": terms,
        "answered": traffic.answered,
        "retried": traffic.retried,
        "failed": len(traffic.failed),
        "firstFailures": traffic.failed[:3],
    }
