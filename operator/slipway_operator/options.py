"""The command line of the operator; each flag has an environment variable, SLIPWAY_ and the flag's name."""

import argparse
import os
import socket
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from slipway_operator.state import Settings

NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


@dataclass(frozen=True)
class Options:
    """How the process runs; `settings` is what the core is told."""

    settings: Settings
    namespaces: tuple[str, ...]  # none: all
    lease_namespace: str
    lease_name: str
    http_port: int
    log_level: str
    workers: int
    resync_interval: float
    watch_lag_limit: float
    pod_name: str
    identity: str


def parse_options(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> Options:
    given = _build_parser(environment).parse_args(arguments)
    pod_name = environment.get("POD_NAME") or socket.gethostname()
    return Options(
        settings=Settings(
            optimizer_image_cpu=given.optimizer_image_cpu,
            optimizer_image_gpu=given.optimizer_image_gpu,
            allow_pickle=given.allow_pickle,
            serving_image_cpu=given.serving_image_cpu,
            serving_image_gpu=given.serving_image_gpu,
            artifact_size=given.artifact_size,
            artifact_storage_class=given.artifact_storage_class or None,
            artifact_access_modes=tuple(given.artifact_access_mode or ("ReadWriteOnce",)),
            image_pull_secrets=tuple(given.image_pull_secret),
            metrics_api_service=given.metrics_api_service,
        ),
        namespaces=tuple(given.namespace),
        lease_namespace=given.lease_namespace,
        lease_name=given.lease_name,
        http_port=given.http_port,
        log_level=given.log_level,
        workers=given.workers,
        resync_interval=given.resync_interval,
        watch_lag_limit=given.watch_lag_limit,
        pod_name=pod_name,
        identity=f"{pod_name}_{environment.get('POD_UID') or uuid.uuid4()}",
    )


def _build_parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m slipway_operator", description="Serves ModelDeployments.", epilog=__doc__
    )

    def variable(flag: str) -> str:
        return environment.get("SLIPWAY_" + flag.removeprefix("--").replace("-", "_").upper(), "")

    def one(flag: str, default: str, help_: str, type_: type = str) -> None:
        parser.add_argument(flag, type=type_, default=variable(flag) or default, help=help_)

    def needed(flag: str, help_: str) -> None:
        value = variable(flag)
        parser.add_argument(flag, default=value or None, required=not value, help=help_)

    def several(flag: str, help_: str) -> None:
        """An argument replaces what the environment (with commas) says."""
        from_environment = [value for value in variable(flag).split(",") if value]
        parser.add_argument(flag, action=_Several, default=from_environment, help=f"{help_} May be repeated.")

    several("--namespace", "Serve this namespace only; all without it.")
    needed("--optimizer-image-cpu", "Image of optimization Jobs of models that are served without an accelerator.")
    needed("--optimizer-image-gpu", "Image of those of models with one.")
    needed("--serving-image-cpu", "Image of serving pods without an accelerator.")
    needed("--serving-image-gpu", "Image of serving pods with one.")
    parser.add_argument(
        "--allow-pickle",
        action="store_true",
        default=variable("--allow-pickle") == "true",
        help="Permit spec.model.allowPickle: files that run code of their own when they are loaded.",
    )
    one("--artifact-size", "10Gi", "Size of the claim for artifacts.")
    one("--artifact-storage-class", "", "StorageClass of that claim; the cluster's default without it.")
    several("--artifact-access-mode", "Access mode of that claim.")
    several("--image-pull-secret", "Secret for pulling images, in the ModelDeployment's namespace.")
    one("--metrics-api-service", "", "NAMESPACE/NAME of Slipway's metrics API; without it autoscalers use CPU.")
    one("--lease-namespace", _own_namespace(), "Namespace of the Lease: the operator's own.")
    one("--lease-name", "slipway-operator", "Lease that one replica holds.")
    one("--http-port", "8081", "Port of /healthz, /readyz and /metrics.", int)
    one("--log-level", "info", "debug, info, warning or error.")
    one("--workers", "8", "ModelDeployments that are worked on at a time.", int)
    one("--resync-interval", "60", "Seconds between two looks at everything.", float)
    one("--watch-lag-limit", "60", "Seconds that a watch may lag behind before /healthz fails.", float)
    return parser


class _Several(argparse.Action):
    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        given = namespace.__dict__.setdefault("_given", set())
        before = getattr(namespace, self.dest) if self.dest in given else []
        given.add(self.dest)
        setattr(namespace, self.dest, [*before, values])


def _own_namespace() -> str:
    return NAMESPACE_FILE.read_text() if NAMESPACE_FILE.exists() else "default"
