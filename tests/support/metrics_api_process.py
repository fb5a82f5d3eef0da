"""The metrics API as a process on this machine, with the rights that the chart gives it, registered in the cluster."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support import chart, cluster
from support.custom_metrics_group import is_available, is_served_from

NAME = "slipway-metrics-api"
LEFT_OUT = ("Deployment", "PodDisruptionBudget")  # the process stands in for them


class Installation:
    """What the chart installs for the metrics API, in a namespace of its own, less the pods."""

    def __init__(self, folder: Path) -> None:
        self.namespace = f"metrics-api-{uuid.uuid4().hex[:8]}"
        self.folder = folder
        self.objects = chart.render("crds.install=false", namespace=self.namespace)
        self._wanted = [self._without_pods(it) for it in self.objects if it["kind"] not in LEFT_OUT]
        self.kubeconfig = folder / "kubeconfig.json"

    def install(self) -> None:
        cluster.kubectl("create", "namespace", self.namespace)
        cluster.kubectl("apply", "-f", "-", stdin=self._as_list(self._wanted))
        self._write_kubeconfig()

    @property
    def arguments(self) -> list[str]:
        """Those that the chart gives to the container."""
        (deployment,) = (it for it in self.objects if it["kind"] == "Deployment" and it["metadata"]["name"] == NAME)
        return list(deployment["spec"]["template"]["spec"]["containers"][0]["args"])

    def route_to(self, port: int) -> None:
        """Have the Service lead to this port of this machine."""
        endpoints = {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "name": NAME,
                "namespace": self.namespace,
                "labels": {"kubernetes.io/service-name": NAME},
            },
            "addressType": "IPv4",
            "ports": [{"name": "https", "port": port, "protocol": "TCP"}],
            "endpoints": [{"addresses": [_address_for_pods()], "conditions": {"ready": True}}],
        }
        cluster.kubectl("apply", "-f", "-", stdin=json.dumps(endpoints))

    def remove(self) -> None:
        """As `helm uninstall` would; the garbage collector takes the APIService."""
        cluster.kubectl("delete", "--ignore-not-found", "-f", "-", stdin=self._as_list(self._wanted))
        cluster.wait_for(lambda: not is_served_from(self.namespace))
        cluster.kubectl("delete", "namespace", self.namespace, "--wait=false", "--ignore-not-found")

    @staticmethod
    def _as_list(items: list[dict[str, Any]]) -> str:
        return json.dumps({"apiVersion": "v1", "kind": "List", "items": items})

    def _without_pods(self, item: dict[str, Any]) -> dict[str, Any]:
        if not item["kind"].startswith("Cluster"):
            item = {**item, "metadata": {"namespace": self.namespace} | item["metadata"]}
        if item["kind"] != "Service":
            return item
        return {**item, "spec": {key: value for key, value in item["spec"].items() if key != "selector"}}

    def _write_kubeconfig(self) -> None:
        token = cluster.kubectl("-n", self.namespace, "create", "token", NAME, "--duration=1h").strip()
        config = json.loads(cluster.kubectl("config", "view", "--raw", "--minify", "--flatten", "-o", "json"))
        config["users"] = [{"name": NAME, "user": {"token": token}}]
        config["contexts"][0]["context"]["user"] = NAME
        self.kubeconfig.touch(0o600)
        self.kubeconfig.write_text(json.dumps(config))


class MetricsApi:
    """One replica."""

    def __init__(self, installation: Installation, *arguments: str) -> None:
        self.https_port, self.http_port = _free_port(), _free_port()
        self.log = installation.folder / f"{self.https_port}.log"
        ports = [f"--https-port={self.https_port}", f"--http-port={self.http_port}"]
        with self.log.open("wb") as stream:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "slipway_operator.metrics_api", *installation.arguments, *ports, *arguments],
                stderr=stream,
                env=os.environ | {"KUBECONFIG": str(installation.kubeconfig)},
            )

    def get(self, path: str) -> tuple[int, str]:
        """Status and text of the plain port; 0 where nothing listens yet."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}{path}", timeout=60) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def wait_until_ready(self) -> None:
        cluster.wait_for(lambda: self.get("/readyz")[0] == 200 or self.process.poll() is not None)
        assert self.process.poll() is None, self.log.read_text()

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=300)


@contextmanager
def serving(installation: Installation, *arguments: str) -> Iterator[MetricsApi]:
    """A replica that the cluster's API server reaches and finds available."""
    replica = MetricsApi(installation, *arguments)
    try:
        installation.route_to(replica.https_port)
        replica.wait_until_ready()
        cluster.wait_for(lambda: is_available() and is_served_from(installation.namespace))
        yield replica
    finally:
        replica.stop()


def _address_for_pods() -> str:
    """An address of this machine that the cluster's Services can lead to: the bundled node's, which is this machine."""
    jsonpath = "{.items[0].status.addresses[?(@.type=='InternalIP')].address}"
    return cluster.kubectl("get", "nodes", "-o", f"jsonpath={jsonpath}")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("", 0))
        return int(listener.getsockname()[1])
