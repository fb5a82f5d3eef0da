"""Start a component in the background with its log, wait for it, and end what was started."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from slipway_cluster import cgroups
from slipway_cluster.errors import ComponentFailedError
from slipway_cluster.record import ProcessIdentity, Record, identify, is_alive

POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Component:
    """A running host process of the cluster."""

    name: str
    identity: ProcessIdentity
    log: Path


def start(
    name: str, argv: list[str], logs: Path, record: Record, environment: Mapping[str, str] | None = None
) -> Component:
    """Start a component in a session of its own, so that it outlives this command and its terminal."""
    log = logs / f"{name}.log"
    with log.open("wb") as output:
        child = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, **(environment or {})},
        )
    identity = identify(child.pid)
    if identity is None:
        raise ComponentFailedError(name, f"ended at once with exit code {child.wait()}", log)
    cgroups.adopt(child.pid)
    record.processes[name] = identity
    record.save()
    return Component(name, identity, log)


def wait_until(component: Component, is_ready: Callable[[], bool], timeout: float) -> None:
    """Wait for a component's own sign of readiness; fail early, with its log, when it ends before."""
    deadline = time.monotonic() + timeout
    while not is_ready():
        if not is_alive(component.identity):
            raise ComponentFailedError(component.name, "ended", component.log)
        if time.monotonic() > deadline:
            raise ComponentFailedError(component.name, f"was not ready after {timeout:.0f} s", component.log)
        time.sleep(POLL_SECONDS)


def stop(identities: Iterable[ProcessIdentity], timeout: float) -> None:
    """End processes, politely and then not; a pid that means another process by now is left alone."""
    remaining = [identity for identity in identities if is_alive(identity)]
    for identity in remaining:
        send(identity, signal.SIGTERM)
    remaining = _wait_for_end(remaining, timeout)
    for identity in remaining:
        send(identity, signal.SIGKILL)
    _wait_for_end(remaining, timeout)


def send(identity: ProcessIdentity, signal_number: signal.Signals) -> None:
    if not is_alive(identity):
        return
    try:
        os.kill(identity.pid, signal_number)
    except ProcessLookupError:
        return


def _wait_for_end(identities: list[ProcessIdentity], timeout: float) -> list[ProcessIdentity]:
    deadline = time.monotonic() + timeout
    while (alive := [identity for identity in identities if is_alive(identity)]) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS / 2)
    return alive
