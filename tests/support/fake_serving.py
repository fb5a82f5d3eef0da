"""Serving pods without kubelet: pods that no scheduler takes, with a status and an HTTP server of the test's own.

Their addresses are of the loopback network, so that what asks them has to run on this machine.
"""

import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count

from support import cluster

# Each process of the tests has its own.
_addresses = (f"127.{1 + os.getpid() % 250}.{os.getpid() // 250 % 250}.{last}" for last in count(1))

PORT = 8080
SECURITY = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def build_fake_deployment(name: str) -> dict[str, object]:
    """What the operator makes for a ModelDeployment, as far as an autoscaler and the metrics API look at it."""
    labels = {"serving.slipway.dev/model-deployment": name, "app.kubernetes.io/component": "serve"}
    pod = {
        "schedulerName": "none",
        "containers": [{"name": "server", "image": "none", "securityContext": SECURITY}],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


class FakeServing:
    """The server behind one pod. `load` is what its gauge says; None: it answers 500."""

    def __init__(self, load: float | None = 0) -> None:
        self.load = load
        self.scrapes = 0
        self.ip = next(_addresses)
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                fake.scrapes += 1
                self.send_response(200 if fake.load is not None else 500)
                self.end_headers()
                self.wfile.write(f"slipway_requests_in_flight {fake.load}\nslipway_queue_depth 0\n".encode())

            def log_message(self, *_args: object) -> None:
                """Nothing on stderr."""

        self._server = ThreadingHTTPServer((self.ip, PORT), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def become(self, namespace: str, pod: str, *, ready: bool = True) -> None:
        """Give the pod this address, and the condition Ready."""
        condition = {"type": "Ready", "status": str(ready)}
        status = {"phase": "Running", "podIP": self.ip, "podIPs": [{"ip": self.ip}], "conditions": [condition]}
        patch = json.dumps({"status": status})
        cluster.kubectl(
            "-n", namespace, "patch", "pod", pod, "--subresource=status", "--type=merge", f"--patch={patch}"
        )

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
