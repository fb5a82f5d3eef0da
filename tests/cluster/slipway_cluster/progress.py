"""Progress on standard output: what runs, how long it has taken, what is next."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_started = time.monotonic()
_lock = threading.Lock()
HEARTBEAT_SECONDS = 30.0


def elapsed() -> float:
    """Seconds since this command began."""
    return time.monotonic() - _started


def say(text: str) -> None:
    with _lock:
        sys.stdout.write(f"[{elapsed():6.1f} s] {text}\n")
        sys.stdout.flush()


@contextmanager
def step(what: str) -> Iterator[None]:
    """Say that something begins, every half minute that it still runs, and how long it took."""
    say(f"{what} ...")
    begun = time.monotonic()
    done = threading.Event()
    heartbeat = threading.Thread(target=_say_still_running, args=(what, begun, done), daemon=True)
    heartbeat.start()
    try:
        yield
    finally:
        done.set()
    say(f"{what}: {time.monotonic() - begun:.1f} s")


def _say_still_running(what: str, begun: float, done: threading.Event) -> None:
    while not done.wait(HEARTBEAT_SECONDS):
        say(f"{what}: still running after {time.monotonic() - begun:.0f} s")
