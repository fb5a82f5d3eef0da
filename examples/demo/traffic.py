"""Real traffic from a pod inside the cluster, and the replicas that it brings and that its end takes away."""

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from demo.install import images
from demo.shell import apply, get, kubectl, say

CLIENT = Path(__file__).parent / "load_client.py"
POD = "traffic"

POLL_SECONDS = 0.5  # between two looks at a condition that has a deadline


@dataclass
class Scaling:
    """What was seen: replicas over time, in seconds since the traffic began."""

    replicas: list[tuple[float, int]] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)

    @property
    def most(self) -> int:
        return max((count for _, count in self.replicas), default=0)


def load_pod(namespace: str, url: str, tensor: dict[str, Any], workers: int, seconds: float) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": POD, "namespace": namespace},
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "activeDeadlineSeconds": int(seconds) + 120,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 65532,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": "client",
                    "image": images()["serving"],
                    "command": ["python", "-c", CLIENT.read_text()],
                    "args": [url, json.dumps(tensor), str(workers), str(seconds)],
                    "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}},
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "readOnlyRootFilesystem": True,
                        "capabilities": {"drop": ["ALL"]},
                    },
                }
            ],
        },
    }


def scale_with_traffic(
    namespace: str, model: str, tensor: dict[str, Any], *, workers: int, seconds: float, timeout: float = 600
) -> Scaling:
    """Send traffic for `seconds`, again until there are more replicas, then wait until they are as many as before.

    Raises:
        SystemExit: when the replicas did not rise under traffic, or not fall after it, within `timeout` seconds.
    """
    scaling = Scaling()
    kubectl("delete", "pod", POD, "-n", namespace, "--ignore-not-found", "--wait")
    begin = time.monotonic()
    deadline = begin + timeout
    before = _replicas(namespace, model)
    scaling.replicas.append((0.0, before))
    pod = load_pod(namespace, f"http://{model}/v2/models/{model}/infer", tensor, workers, seconds)
    apply(pod)
    say(f"{workers} requests in flight for {seconds:.0f} s")
    while time.monotonic() < deadline:
        count = _replicas(namespace, model)
        if count != scaling.replicas[-1][1]:
            scaling.replicas.append((time.monotonic() - begin, count))
            say(f"ready replicas: {count}")
        if not scaling.summary:
            scaling.summary = _summary(namespace)
        if scaling.summary and scaling.most <= before:
            say("no more replicas are ready yet: once more")
            kubectl("delete", "pod", POD, "-n", namespace, "--wait")
            apply(pod)
            scaling.summary = {}
        if scaling.summary and scaling.most > before and count <= before:
            kubectl("delete", "pod", POD, "-n", namespace, "--wait=false")
            return scaling
        time.sleep(POLL_SECONDS)
    raise SystemExit(
        f"replicas of {model} in {timeout:.0f} s: {scaling.replicas}, traffic {scaling.summary or 'still running'}:\n"
        + kubectl("describe", "hpa", model, "-n", namespace)
    )


def _replicas(namespace: str, model: str) -> int:
    return int(get("deployment", model, "-n", namespace).get("status", {}).get("readyReplicas", 0))


def _summary(namespace: str) -> dict[str, Any]:
    phase = get("pod", POD, "-n", namespace).get("status", {}).get("phase")
    if phase == "Failed":
        raise SystemExit(f"the traffic pod failed:\n{kubectl('logs', POD, '-n', namespace)}")
    if phase != "Succeeded":
        return {}
    summary: dict[str, Any] = json.loads(kubectl("logs", POD, "-n", namespace).strip().splitlines()[-1])
    return summary
