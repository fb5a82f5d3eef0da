"""Wait for the node and all addons at once, report each as it becomes ready, and explain the one that does not."""

import time
from collections.abc import Callable, Mapping

from slipway_cluster.errors import ClusterError, ComponentFailedError
from slipway_cluster.paths import Layout
from slipway_cluster.progress import say
from slipway_cluster.record import Record, is_alive
from slipway_cluster.run import run

READY_SECONDS = 180.0
POLL_SECONDS = 0.3


def wait_for_all(questions: Mapping[str, Callable[[], bool]], layout: Layout, record: Record) -> None:
    deadline = time.monotonic() + READY_SECONDS
    waiting = {name: is_ready for name, is_ready in questions.items() if not is_ready()}
    while waiting:
        for name in [name for name, is_ready in waiting.items() if is_ready()]:
            del waiting[name]
            say(f"ready: {name}" + (f"; waiting for {', '.join(waiting)}" if waiting else ""))
        _require_all_alive(layout, record)
        if waiting and time.monotonic() > deadline:
            raise ClusterError(f"Not ready after {READY_SECONDS:.0f} s: {', '.join(waiting)}.\n{explanation(layout)}")
        time.sleep(POLL_SECONDS)


def explanation(layout: Layout) -> str:
    """The pods and the newest warnings, for a person who has to find out why."""
    kubectl = [str(layout.bin / "kubectl"), f"--kubeconfig={layout.kubeconfig}"]
    pods = run(*kubectl, "get", "pods", "--all-namespaces", "--output=wide")
    warnings = run(
        *kubectl, "get", "events", "--all-namespaces", "--field-selector=type=Warning", "--sort-by=.lastTimestamp"
    )
    newest = "\n".join(warnings.splitlines()[-15:])
    return f"{pods}\n{newest}\nLogs: {layout.logs}"


def _require_all_alive(layout: Layout, record: Record) -> None:
    for name, identity in record.processes.items():
        if not is_alive(identity):
            raise ComponentFailedError(name, "ended", layout.logs / f"{name}.log")
